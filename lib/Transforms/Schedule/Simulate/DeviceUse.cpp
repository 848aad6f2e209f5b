//===- DeviceUse.cpp - What devices do and hold in an iteration ------------===//

#include "lib/Transforms/Schedule/Core/MemoryWalk.h"
#include "lib/Transforms/Schedule/Simulate/Communicate.h"
#include "lib/Transforms/Schedule/Simulate/Simulate.h"
#include "lib/Transforms/Schedule/Simulate/SteadyStep.h"
#include "lib/Transforms/Schedule/Simulate/Sums.h"

#include <algorithm>

using namespace bitpipe::schedule;

std::vector<DeviceUse> bitpipe::schedule::deviceUse(const Placement &placement,
                                                    const Order &order,
                                                    const Timing &timing,
                                                    const Costs &costs) {
  std::vector<DeviceUse> result(order.size());
  for (size_t device = 0; device < order.size(); ++device) {
    DeviceUse &use = result[device];
    double alive = 0, onHost = 0;
    MemoryWalk walk(placement, costs), hostWalk(placement, costs, Holder::Host);
    for (size_t i = 0; i < order[device].size(); ++i) {
      const Action &action = order[device][i];
      use.work += costs.timeAt(placement, order[device], i);
      MemoryChange change = walk.next(action), host = hostWalk.next(action);
      use.peakActivation = std::max(use.peakActivation, alive += change.taken);
      use.peakOnHost = std::max(use.peakOnHost, onHost += host.taken);
      alive -= change.freed;
      onHost -= host.freed;
      int to = receiver(placement, action);
      use.messages += to >= 0 && to != int(device);
    }
    use.idle = timing.makespan - use.work;
  }
  std::vector<double> state = stateOf(placement, costs);
  for (size_t device = 0; device < order.size(); ++device)
    result[device].state = state[device];
  for (int stage = 0; stage < placement.stages(); ++stage)
    for (int device : placement.holders(stage)) {
      ++result[device].weights;
      ++result[device].moments;
    }
  return result;
}

double bitpipe::schedule::bubble(const std::vector<DeviceUse> &use,
                                 const Timing &timing) {
  double idle = 0;
  for (const DeviceUse &device : use)
    idle += device.idle;
  return timing.makespan > 0 ? idle / (timing.makespan * use.size()) : 0;
}

/// Where devices share out what they update, in stages, each keeps moments of its part, and
/// weights where it gathers them.
static void setSlices(const Program &program, const std::vector<bool> &sharded,
                       std::vector<DeviceUse> &use) {
  for (size_t g = 0; g < program.groups.size(); ++g) {
    const auto &[stages, devices] = program.groups[g];
    if (stages.size() == 1 && sharded[g])
      for (int device : devices) {
        double others = 1 - 1.0 / double(devices.size());
        use[device].moments -= others;
        use[device].weights -= program.placement.gathers() ? others : 0;
      }
  }
}

ErrorOr<Simulated> bitpipe::schedule::simulateAll(Schedule schedule,
                                                  const Costs &costs,
                                                  const Program *program) {
  AsExecuted executed;
  if (program)
    executed.groups = program->groups;
  ErrorOr<Timing> timing = simulate(schedule.placement, schedule.order, costs, executed);
  if (!timing)
    return Error{schedule.name + ": " + timing.error().text};
  Simulated result{std::move(schedule), costs, std::move(*timing), {}, {}, 0, 0, false};
  result.use = deviceUse(result.schedule.placement, result.schedule.order,
                         result.timing, costs);
  result.iterationEnd = result.timing.makespan;
  result.shards = result.schedule.placement.shard() != Shard::None;
  if (!costs.hasSums() && !costs.hasUpdates() && !result.shards)
    return result;
  ErrorOr<Program> own = program ? ErrorOr<Program>(*program)
                                 : communicate(result.schedule, {}, costs);
  if (!own)
    return Error{result.schedule.name + ": " + own.error().text};
  setSlices(*own, shardedGroups(*own), result.use);
  if (costs.hasSums())
    result.sums = simulateSums(*own, result.timing, costs);
  for (const SumTime &sum : result.sums)
    result.iterationEnd = std::max(result.iterationEnd, sum.end);
  if (costs.hasUpdates())
    result.step = steadyStep(*own, result.schedule.order, costs);
  return result;
}
