//===- EmitChoice.cpp - What was chosen, and why ---------------------------===//

#include "lib/Transforms/Schedule/Emit/EmitChoice.h"

#include "lib/Transforms/Schedule/Core/Text.h"
#include "lib/Transforms/Schedule/Emit/Print.h"

#include <algorithm>
#include <sstream>

using namespace bitpipe::schedule;

/// Where most of what it takes longer than the first one comes from.
static std::string whyLost(const Candidate &candidate, const Candidate &first) {
  if (candidate.time <= first.time * (1 + 1e-9))
    return candidate.memory > first.memory ? "as fast, more memory" : "as fast";
  struct Part {
    const char *name;
    double longer;
  };
  bool isOfSize = candidate.request.samples != first.request.samples;
  Part parts[] = {{isOfSize ? "efficiency" : "recomputation", candidate.work - first.work},
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

/// What times count, where micro-batches have several sizes also of which.
static std::string unitOf(const Choice &choice) {
  const Costs &costs = choice.fitting.front().request.costs;
  return oneLine(costs.timeUnit) +
         (choice.batch ? " with micro-batches of " + std::to_string(costs.samples) : "");
}

static void emitName(std::ostream &stream, const Candidate &candidate) {
  const Request &request = candidate.request;
  print(stream, "%-24s %7d %6d %6d ", request.pipeline.c_str(),
        request.devices / request.replicas, request.chunks,
        request.microbatches / request.replicas);
  if (request.samples)
    print(stream, "%6d ", request.samples);
  print(stream, "%8d %9s %8s %10s ", request.replicas,
        candidate.recomputes() ? request.recompute.c_str() : "none",
        request.balance ? "yes" : "no", request.isSharded() ? nameOf(request.shard) : "no");
}

void bitpipe::schedule::emitChoice(std::ostream &stream, const Choice &choice) {
  const Candidate &first = choice.fitting.front();
  print(stream, "%-24s %7s %6s %6s ", "schedule", "devices", "chunks", "N");
  if (choice.batch)
    print(stream, "%6s ", "size");
  print(stream, "%8s %9s %8s %10s %10s %8s %8s %8s %12s %8s  %s\n",
        "replicas", "recompute", "balance", "sharded", "step", "idle", "messages", "sums", "memory", "weights", "lost by");
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
  stream << "; times in " << unitOf(choice) << ", memory in "
         << oneLine(choice.sizeUnit)
         << ", of the device with most, as the schedule counts it\n";
  print(stream, "idle: mean with free messages; messages, sums: what they, and updates, "
                "make longer; weights in stages of 1/%d of the model; devices and micro-batches (N) "
                "of a replica\n",
        commonStages(base));
  if (!costs.hasMessages())
    stream << "messages take no time in these costs\n";
  if (!costs.hasSums())
    stream << "gradient sums take no time in these costs\n";
  if (costs.overlapsPairs())
    stream << "pairs go on at the same time in these costs; " << runsApart << '\n';
  if (!choice.isLimited)
    stream << "memory is not limited in these costs\n";
}

/// The options that give the same plan.
static std::string optionsOf(const Request &request, const std::string &sizeOption) {
  return "--pipeline=" + request.pipeline + " --chunks=" + std::to_string(request.chunks) +
         " --data-parallel=" + std::to_string(request.replicas) +
         (request.recompute.empty() || request.recompute == "none"
              ? ""
              : " --recompute=" + request.recompute) +
         (request.samples ? " --microbatches=" + std::to_string(request.microbatches) : "") +
         (request.samples && !sizeOption.empty()
              ? " " + sizeOption + std::to_string(request.samples)
              : "") +
         (request.balance ? " --balance" : "") +
         (request.isSharded() ? std::string(" --shard=") + nameOf(request.shard) : "");
}

static std::string layOutText(const Choice &choice) {
  if (!choice.laidOut)
    return "";
  std::ostringstream text;
  text.precision(15);
  text << ", " << choice.laidOut << " laid out; a device needs "
       << choice.fitting.front().laidOut << " bytes, of which " << choice.fitting.front().withMessages
       << " were counted";
  return text.str();
}

std::string bitpipe::schedule::toText(const Choice &choice) {
  const Candidate &first = choice.fitting.front();
  std::ostringstream text;
  text << "--pipeline=" << chosenName << " takes " << optionsOf(first.request, choice.sizeOption) << ": a step of "
       << first.time << " " << unitOf(choice);
  if (choice.batch)
    text << ", " << choice.batch << " samples in micro-batches of " << first.request.samples;
  text << ", " << choice.count
       << " schedules tried" << layOutText(choice);
  if (first.request.costs.overlapsPairs())
    text << "; pairs at the same time, as costs say: " << runsApart;
  return text.str();
}

std::string bitpipe::schedule::toDefaultText(const Choice &choice) {
  const Candidate &first = choice.fitting.front();
  std::ostringstream text;
  text << "no --pipeline: " << first.request.pipeline << " is taken, with a step of " << first.time
       << " " << oneLine(first.request.costs.timeUnit);
  for (size_t i = 1; i < choice.fitting.size(); ++i)
    text << "; " << choice.fitting[i].request.pipeline << " takes " << choice.fitting[i].time
         << " (" << whyLost(choice.fitting[i], first) << ")";
  for (const Candidate &candidate : choice.exceeding)
    text << "; " << candidate.request.pipeline << " lacks memory";
  text << layOutText(choice);
  return text.str();
}
