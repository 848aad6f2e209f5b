//===- schedule-machine-end.h - What a machine must have come to --------------===//

#ifndef BITPIPE_TEST_UNIT_SCHEDULE_MACHINE_END_H
#define BITPIPE_TEST_UNIT_SCHEDULE_MACHINE_END_H

#include "test/Unit/schedule-machine-parts.h"

namespace bitpipe::schedule::machine {

using Devices = std::vector<Device>;

inline bool allMessagesRead(const std::vector<Channel> &channels) {
  for (const Channel &channel : channels)
    if (!channel.first.empty() || !channel.other.empty())
      return false;
  return true;
}

/// Whether the runs gather what is updated.
inline bool isGathered(const Program &program, int group) {
  return program.placement.gathers() && program.groups[group].stages.size() == 1;
}

/// What is updated in slices, all devices have in the end.
inline bool slicesAreWhole(const Program &program, const Devices &devices) {
  std::vector<bool> sharded = shardedGroups(program);
  for (size_t g = 0; g < program.groups.size(); ++g)
    for (int member : program.groups[g].devices)
      if (sharded[g] && !isGathered(program, int(g)) && !devices[member].gathered.count(int(g)))
        return false;
  return true;
}

/// One group of micro-batches after the other, each stage with its version.
inline bool weightsAreRight(const Program &program, const Devices &devices) {
  const Placement &placement = program.placement;
  std::vector<std::vector<int>> groups;
  for (const Group &group : program.groups)
    groups.push_back(group.stages);
  std::vector<std::vector<Value>> weights = versionsOfWeights(placement, groups);
  for (int stage = 0; stage < placement.stages(); ++stage)
    for (int holder : placement.holders(stage)) {
      const Device &device = devices[holder];
      auto kept = device.weights.find(stage);
      if (kept == device.weights.end() || kept->second.empty() ||
          kept->second.rbegin()->second != weights[stage].back() ||
          kept->second.rbegin()->first + 1 != int(weights[stage].size()))
        return false;
    }
  return true;
}

inline bool gradientsAreRight(const Program &program, const Devices &devices) {
  std::vector<Value> expected = sumsOfGradients(program.placement);
  for (size_t g = 0; g < program.groups.size(); ++g)
    for (int member : program.groups[g].devices) {
      Value total = 0;
      for (int stage : program.groups[g].stages)
        total += expected[stage];
      auto it = devices[member].updated.find(int(g));
      if (it == devices[member].updated.end() || it->second != total)
        return false;
    }
  return true;
}

inline bool hasRightNumbers(const Program &program, const Devices &devices) {
  bool right = program.placement.updates() ? weightsAreRight(program, devices)
                                           : gradientsAreRight(program, devices);
  return right && slicesAreWhole(program, devices);
}

} // namespace bitpipe::schedule::machine

#endif // BITPIPE_TEST_UNIT_SCHEDULE_MACHINE_END_H
