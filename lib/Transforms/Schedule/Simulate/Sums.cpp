//===- Sums.cpp - When gradients are summed --------------------------------===//

#include "lib/Transforms/Schedule/Simulate/Sums.h"

#include <algorithm>

using namespace bitpipe::schedule;
using Op = Instruction::Op;

namespace {
/// A group, and when a device has computed all that comes before its sum.
struct Reached {
  int group;
  double time;
};

/// A device's sums in order.
struct Queue {
  std::vector<Reached> sums;
  size_t next = 0;
  /// When the sum before is done.
  double free = 0;

  bool isNext(int group) const {
    return next < sums.size() && sums[next].group == group;
  }
};
} // namespace

/// A sum waits for what is gathered and scattered before it, which has waited for no sum: those
/// come at the end, of parameters that stages share.
static Queue queueOf(const std::vector<Instruction> &list, const std::vector<double> &ends,
                     const std::vector<double> &arrivals, double free) {
  Queue queue;
  queue.free = free;
  size_t runs = 0; // and all other actions
  double met = 0;
  for (const Instruction &instruction : list) {
    runs += actionOf(instruction).has_value();
    if (instruction.op == Op::Run && instruction.isCollective())
      met = std::max(met, arrivals[runs - 1]);
    double reached = std::max(runs ? ends[runs - 1] : 0, met);
    if (instruction.op == Op::Reduce)
      queue.sums.push_back({instruction.group, reached});
  }
  return queue;
}

static std::string stagesText(const SumTime &sum) {
  std::string text = sum.stages.size() > 1 ? "stages " : "stage ";
  for (size_t i = 0; i < sum.stages.size(); ++i)
    text += (i == 0                       ? ""
             : i + 1 == sum.stages.size() ? " and "
                                          : ", ") +
            std::to_string(sum.stages[i]);
  return text;
}

std::string bitpipe::schedule::toString(const SumTime &sum) {
  return "sum of gradients of " + stagesText(sum);
}

std::string bitpipe::schedule::gatherText(const SumTime &gather) {
  return "gather of weights of " + stagesText(gather);
}

/// Goes through the queues of all devices; durations are by group.
static std::vector<SumTime> runQueues(const Program &program, std::vector<Queue> queues,
                                      const std::vector<double> &durations) {
  std::vector<int> candidates;
  for (const Queue &queue : queues)
    if (!queue.sums.empty())
      candidates.push_back(queue.sums.front().group);
  std::vector<SumTime> done;
  while (!candidates.empty()) {
    int group = candidates.back();
    candidates.pop_back();
    const auto &[stages, members] = program.groups[group];
    bool isReady = std::all_of(members.begin(), members.end(), [&](int member) {
      return queues[member].isNext(group);
    });
    if (!isReady)
      continue; // Comes again when it is next on another member.
    SumTime sum{group, stages, members, 0, 0};
    for (int member : members) {
      const Queue &queue = queues[member];
      sum.start = std::max({sum.start, queue.free, queue.sums[queue.next].time});
    }
    sum.end = sum.start + durations[group];
    for (int member : members) {
      Queue &queue = queues[member];
      queue.free = sum.end;
      if (++queue.next < queue.sums.size())
        candidates.push_back(queue.sums[queue.next].group);
    }
    done.push_back(std::move(sum));
  }
  return done;
}

/// What the sum of each group takes, or its unshard, which are one in two halves.
static std::vector<double> durationsOf(const Program &program, const Costs &costs) {
  std::vector<bool> sharded = shardedGroups(program);
  std::vector<double> durations;
  for (size_t g = 0; g < program.groups.size(); ++g)
    durations.push_back(
        costs.sumOf(program.groups[g].stages, program.groups[g].devices.size()) *
        (sharded[g] ? 0.5 : 1));
  return durations;
}

std::vector<SumTime> bitpipe::schedule::simulateSums(const Program &program,
                                                     const Timing &timing,
                                                     const Costs &costs,
                                                     std::vector<double> free) {
  if (program.placement.updates())
    return timing.sums;
  free.resize(program.devices.size());
  std::vector<Queue> queues;
  for (size_t device = 0; device < program.devices.size(); ++device)
    queues.push_back(queueOf(program.devices[device], timing.end[device],
                             timing.arrival[device], free[device]));
  std::vector<SumTime> sums =
      runQueues(program, std::move(queues), durationsOf(program, costs));
  sums.insert(sums.begin(), timing.scatters.begin(), timing.scatters.end());
  return sums;
}

std::vector<SumTime>
bitpipe::schedule::simulateUnshards(const Program &program,
                                    const std::vector<std::vector<double>> &updated,
                                    const Costs &costs) {
  std::vector<Queue> queues(program.devices.size());
  for (size_t device = 0; device < program.devices.size(); ++device)
    for (const Instruction &instruction : program.devices[device])
      if (instruction.op == Op::Unshard)
        queues[device].sums.push_back(
            {instruction.group, updated[device][instruction.group]});
  return runQueues(program, std::move(queues), durationsOf(program, costs));
}
