//===- EmitChoice.cpp - What was chosen, and why ---------------------------===//

#include "lib/Transforms/Schedule/Emit/EmitChoice.h"

#include "lib/Transforms/Schedule/Core/Text.h"
#include "lib/Transforms/Schedule/Emit/Print.h"

#include <algorithm>
#include <sstream>

using namespace bitpipe::schedule;

/// So many of those that lack memory are shown.
static constexpr size_t mostExceeding = 5;

/// Where most of what it takes longer than the first one comes from.
static std::string whyLost(const Candidate &candidate, const Candidate &first) {
  if (candidate.time <= first.time * (1 + 1e-9))
    return candidate.memory > first.memory ? "as fast, more memory" : "as fast";
  struct Part {
    const char *name;
    double longer;
  };
  Part parts[] = {{"recomputation", candidate.work - first.work},
                  {"idle time", candidate.idle - first.idle},
                  {"messages", candidate.messages - first.messages},
                  {"sums and updates", candidate.sums - first.sums}};
  const Part &most = *std::max_element(
      std::begin(parts), std::end(parts),
      [](const Part &one, const Part &other) { return one.longer < other.longer; });
  std::ostringstream text;
  text.precision(4);
  text << most.name << ", " << most.longer << " longer";
  return text.str();
}

static void emitName(std::ostream &stream, const Candidate &candidate) {
  print(stream, "%-24s %6d %8d %9s ", candidate.request.pipeline.c_str(),
        candidate.request.chunks, candidate.request.replicas,
        candidate.recomputes() ? "all" : "none");
}

void bitpipe::schedule::emitChoice(std::ostream &stream, const Choice &choice) {
  const Candidate &first = choice.fitting.front();
  print(stream, "%-24s %6s %8s %9s %10s %8s %8s %8s %12s %8s  %s\n", "schedule", "chunks",
        "replicas", "recompute", "step", "idle", "messages", "sums", "memory", "weights", "lost by");
  for (const Candidate &candidate : choice.fitting) {
    emitName(stream, candidate);
    print(stream, "%10.6g %8.4g %8.4g %8.4g %12.6g %8.6g  ", candidate.time,
          candidate.idle, candidate.messages, candidate.sums, candidate.memory,
          candidate.weights);
    stream << (&candidate == &first ? "taken" : whyLost(candidate, first)) << '\n';
  }
  size_t shown = std::min(choice.exceeding.size(), mostExceeding);
  for (size_t i = 0; i < shown; ++i) {
    emitName(stream, choice.exceeding[i]);
    stream << "memory: " << choice.exceeding[i].exceeds->text << '\n';
  }
  const Request &base = first.request;
  const Costs &costs = base.costs;
  print(stream, "%zu schedules tried, %zu more are slower", choice.count, choice.slower);
  if (!choice.exceeding.empty())
    print(stream, ", %zu lack memory", choice.exceeding.size());
  stream << "; times in " << oneLine(costs.timeUnit) << ", memory in "
         << oneLine(costs.sizeUnit)
         << ", of the device with most, as the schedule counts it\n";
  print(stream, "idle: mean with free messages; messages, sums: what they, and updates, "
                "make longer; weights in stages of 1/%d of the model\n",
        commonStages(base));
  if (!costs.hasMessages())
    stream << "messages take no time in these costs\n";
  if (!costs.hasSums())
    stream << "gradient sums take no time in these costs\n";
  if (costs.memory.empty())
    stream << "memory is not limited in these costs\n";
}

std::string bitpipe::schedule::toText(const Choice &choice) {
  const Candidate &first = choice.fitting.front();
  std::ostringstream text;
  text << "--pipeline=" << chosenName << " takes --pipeline=" << first.request.pipeline
       << " --chunks=" << first.request.chunks
       << " --data-parallel=" << first.request.replicas
       << (first.recomputes() ? " --recompute=all" : "") << ": a step of " << first.time
       << " " << oneLine(first.request.costs.timeUnit) << ", " << choice.count
       << " schedules tried";
  return text.str();
}
