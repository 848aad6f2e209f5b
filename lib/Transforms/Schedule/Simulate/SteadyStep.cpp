//===- SteadyStep.cpp - How long a step of many takes ----------------------===//
//
// A plan executes a whole backward as its two parts, so that its message goes early.
// At the gradient norm everybody waits for everybody, so that no step depends on
// more than the one before it: the norm is at 0, and the next one at the end.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Simulate/SteadyStep.h"

#include "lib/Transforms/Schedule/Simulate/Sums.h"

#include <algorithm>

using namespace bitpipe::schedule;

/// The numbers of all devices are gathered on device 0 and come back from there.
static double exchangeTime(const Costs &costs, int from, int to) {
  return from == to ? 0 : costs.way(from, to).latency;
}

namespace {
/// What follows the norm, which is at 0.
struct AfterNorm {
  /// When each device has made its updates, and has gathered what others have.
  std::vector<double> updated, gathered;
  /// When the weights of each stage are there, by device.
  std::vector<std::vector<double>> weights;
};
} // namespace

/// What each device of a group answers for.
static double shareOf(const Group &group) { return 1.0 / double(group.devices.size()); }

static AfterNorm afterNorm(const Program &program, const Costs &costs) {
  size_t devices = program.devices.size();
  std::vector<bool> sharded = shardedGroups(program);
  AfterNorm after;
  std::vector<std::vector<double>> ends(devices, std::vector<double>(program.groups.size()));
  for (size_t device = 0; device < devices; ++device)
    after.updated.push_back(exchangeTime(costs, 0, int(device)));
  for (size_t g = 0; g < program.groups.size(); ++g) {
    const Group &group = program.groups[g];
    double time = costs.optimizerOf(group.stages) * (sharded[g] ? shareOf(group) : 1);
    if (program.placement.updates())
      time = 0; // among the runs, as what it gives to the norm
    for (int device : group.devices)
      ends[device][g] = after.updated[device] += time;
  }
  after.gathered.resize(devices);
  after.weights.assign(devices, std::vector<double>(program.placement.stages()));
  for (const SumTime &gather : simulateUnshards(program, ends, costs))
    for (int device : gather.devices) {
      after.gathered[device] = gather.end;
      for (int stage : gather.stages) {
        double &time = after.weights[device][stage];
        time = std::max(time, gather.end);
      }
    }
  return after;
}

double bitpipe::schedule::steadyStep(const Program &program, const Order &order,
                                     const Costs &costs) {
  AfterNorm after = afterNorm(program, costs);
  ErrorOr<Timing> timing = simulate(program.placement, order, costs,
                                    {after.updated, true, after.weights, after.gathered, program.groups});
  std::vector<double> ends;
  for (const auto &device : timing->end)
    ends.push_back(device.empty() ? 0 : device.back());
  for (const SumTime &sum : simulateSums(program, *timing, costs, after.gathered))
    for (int device : sum.devices)
      ends[device] = std::max(ends[device], sum.end);
  // Each of those that hold parameters squares its slice of their gradients.
  for (const Group &group : program.groups)
    for (int device : group.devices)
      if (!program.placement.updates())
        ends[device] += costs.normOf(group.stages) * shareOf(group);
  double step = costs.feed;
  for (size_t device = 0; device < ends.size(); ++device)
    step = std::max(step, ends[device] + exchangeTime(costs, int(device), 0));
  return step;
}
