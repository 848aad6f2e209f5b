//===- Speedup.cpp - Whether larger micro-batches pay ----------------------===//

#include "lib/Transforms/Schedule/Emit/Speedup.h"

#include "lib/Transforms/Schedule/Core/Text.h"
#include "lib/Transforms/Schedule/Emit/Print.h"

#include <algorithm>

using namespace bitpipe::schedule;

/// Takes a number from 1 on off the front of a text, and what must follow it.
static std::optional<int> takeCount(std::string_view &text, char follows) {
  std::optional<int> number = takeNumber(text);
  if (!number || *number < 1 || !text.starts_with(follows))
    return {};
  text.remove_prefix(1);
  return number;
}

ErrorOr<Efficiencies> bitpipe::schedule::parseEfficiencies(std::string_view text) {
  const Error wrong{"efficiencies " + quoted(text) +
                    ", expected the batch and two or more sizes of micro-batches, ascending, "
                    "with their efficiencies, such as 128:1=0.38,2=0.49"};
  Efficiencies result;
  std::optional<int> batch = takeCount(text, ':');
  if (!batch)
    return wrong;
  result.batch = *batch;
  for (bool more = true; more;) {
    std::optional<int> size = takeCount(text, '=');
    std::string number(text.substr(0, text.find(',')));
    more = number.size() < text.size();
    text.remove_prefix(number.size() + more);
    std::optional<double> efficiency = numberIn(number, leastCost, mostCost);
    if (!size || !efficiency || (!result.sizes.empty() && *size <= result.sizes.back().size))
      return wrong;
    if (result.batch % *size)
      return Error{"micro-batches of " + std::to_string(*size) + " samples of a batch of " +
                   std::to_string(result.batch) + ", expected a divisor"};
    result.sizes.push_back({*size, *efficiency});
  }
  return result.sizes.size() < 2 ? ErrorOr<Efficiencies>(wrong) : result;
}

double bitpipe::schedule::speedup(double batch, double idle, Efficiencies::Of from,
                                  Efficiencies::Of to) {
  return (batch + from.size * idle) / (batch + to.size * idle) * to.efficiency /
         from.efficiency;
}

double bitpipe::schedule::idleMicrobatches(const Simulated &simulated) {
  double work = 0;
  for (const DeviceUse &use : simulated.use)
    work = std::max(work, use.work);
  const Placement &placement = simulated.schedule.placement;
  double count = double(placement.microbatches()) / placement.replicas();
  return work > 0 ? (simulated.timing.makespan - work) / work * count : 0;
}

std::optional<Error> bitpipe::schedule::emitSpeedups(std::ostream &stream,
                                                     const Simulated &simulated,
                                                     const Efficiencies &efficiencies,
                                                     const std::string &subject) {
  int replicas = simulated.schedule.placement.replicas();
  auto [batch, sizes] = efficiencies;
  for (auto [size, efficiency] : sizes)
    if (batch % (size * replicas))
      return Error{"a batch of " + std::to_string(batch) + " for " + std::to_string(replicas) +
                   " replicas in micro-batches of " + std::to_string(size) +
                   ", expected a multiple"};
  double idle = idleMicrobatches(simulated);
  for (size_t i = 1; i < sizes.size(); ++i) {
    double factor = speedup(double(batch) / replicas, idle, sizes.front(), sizes[i]);
    print(stream, "%smicro-batches of %d samples instead of %d: %.3fx as fast, ", subject.c_str(),
          sizes[i].size, sizes.front().size, factor);
    print(stream, "%.3fx by efficiency and %.3fx by idling, for a batch of %d%s and the idle time "
                  "of %.6g micro-batches\n",
          sizes[i].efficiency / sizes.front().efficiency,
          factor * sizes.front().efficiency / sizes[i].efficiency, batch / replicas,
          replicas > 1 ? " in each replica" : "", idle);
  }
  return {};
}
