//===- Simulate.cpp - When everything happens ------------------------------===//
//
// Devices take turns (Turns.h), so that each action is looked at twice at most.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Simulate/Simulate.h"

#include "lib/Transforms/Schedule/Core/Links.h"
#include "lib/Transforms/Schedule/Core/Turns.h"
#include "lib/Transforms/Schedule/Simulate/Communicate.h"
#include "lib/Transforms/Schedule/Simulate/SteadyStep.h"
#include "lib/Transforms/Schedule/Simulate/Sums.h"

#include <algorithm>

using namespace bitpipe::schedule;

namespace {
class Simulation {
public:
  Simulation(const Placement &placement, const Order &order, const Costs &costs,
             const AsExecuted &executed)
      : placement(placement), order(order), costs(costs),
        ready(tensorCount(placement), -1), turns(order.size(), ready.size()),
        position(order.size()), free(executed.begin),
        links(int(order.size()), costs),
        splitsBackwards(executed.splitsBackwards), weights(executed.weights) {
    free.resize(order.size());
    forEachGiven(placement, [&](int, const Tensor &given) {
      ready[tensorKey(placement, given)] = 0;
    });
  }

  ErrorOr<Timing> run();

private:
  void advance(int device);
  void make(int device, const Action &action, double time);
  std::string blocked() const;

  const Placement &placement;
  const Order &order;
  const Costs &costs;
  /// Per tensor, when it is where it is used.
  std::vector<double> ready;
  Turns turns;
  /// Per device: the next action, and when it may start.
  std::vector<size_t> position;
  std::vector<double> free;
  Links links;
  bool splitsBackwards;
  const std::vector<std::vector<double>> &weights;
  Timing timing;
};
} // namespace

/// An action has made its tensors by `time`: those that another device reads are there
/// after a message.
void Simulation::make(int device, const Action &action, double time) {
  int to = receiver(placement, action);
  timing.made[device].push_back(time);
  double arrival = to < 0 ? time : links.send(device, to, action, time);
  timing.arrival[device].push_back(arrival);
  for (const Tensor &tensor : effect(placement, action).makes) {
    size_t key = tensorKey(placement, tensor);
    ready[key] = travels(tensor.sort) ? arrival : time;
    turns.made(key);
  }
}

void Simulation::advance(int device) {
  const std::vector<Action> &list = order[device];
  for (size_t &at = position[device]; at < list.size(); ++at) {
    const Action &action = list[at];
    double start = free[device];
    if (!weights.empty())
      start = std::max(start, weights[device][action.stage]);
    for (const Tensor &tensor : effect(placement, action).reads) {
      size_t key = tensorKey(placement, tensor);
      if (ready[key] < 0)
        return turns.waitFor(device, key);
      if (travels(tensor.sort))
        start = std::max(start, ready[key]);
    }
    double end = start + costs.time(action), made = end;
    if (splitsBackwards && action.kind == Kind::B) {
      const StageCost &stage = costs.stage(action.stage);
      made = start + stage.inputGradient;
      end = made + stage.weightGradient;
    }
    timing.start[device].push_back(start);
    timing.end[device].push_back(end);
    free[device] = end;
    timing.makespan = std::max(timing.makespan, end);
    make(device, action, made);
  }
}

/// What makes a tensor; of two sorts of backward the whole one.
static Action makerOf(const Placement &placement, const Tensor &tensor) {
  Action maker{Kind::F, false, tensor.stage, tensor.microbatch};
  switch (tensor.sort) {
  case Tensor::Output:
  case Tensor::Input:
    return maker;
  case Tensor::Saved:
    maker.kind = placement.recomputes(tensor.stage) ? Kind::R : Kind::F;
    return maker;
  case Tensor::Gradient:
  case Tensor::Kept:
  case Tensor::Sum:
    maker.kind = Kind::B;
    return maker;
  case Tensor::Weights:
    maker.kind = Kind::U;
    maker.microbatch = endOfGroup(placement, tensor.microbatch - 1);
    maker.versions = placement.updates().versions[tensor.stage];
  }
  return maker;
}

/// Follows the waiting from device to device until one comes again.
std::string Simulation::blocked() const {
  int device = 0;
  while (position[device] == order[device].size())
    ++device;
  std::string text = "the order blocks:";
  std::vector<bool> seen(order.size());
  while (true) {
    const Action &action = order[device][position[device]];
    text += " device " + std::to_string(device) + " at " + toString(action);
    if (seen[device])
      return text;
    seen[device] = true;
    for (const Tensor &tensor : effect(placement, action).reads)
      if (ready[tensorKey(placement, tensor)] < 0) {
        Action maker = makerOf(placement, tensor);
        text += " waits for " + toString(maker);
        device = placement.device(maker.stage, maker.microbatch);
        break;
      }
    if (position[device] == order[device].size())
      return text + ", which device " + std::to_string(device) + " lacks";
    text += ",";
  }
}

ErrorOr<Timing> Simulation::run() {
  timing.start.resize(order.size());
  timing.end.resize(order.size());
  timing.made.resize(order.size());
  timing.arrival.resize(order.size());
  turns.run([&](int device) { advance(device); });
  for (size_t device = 0; device < order.size(); ++device)
    if (position[device] < order[device].size())
      return Error{blocked()};
  return std::move(timing);
}

ErrorOr<Timing> bitpipe::schedule::simulate(const Placement &placement,
                                            const Order &order,
                                            const Costs &costs,
                                            const AsExecuted &executed) {
  if (std::optional<Error> wrong = costs.check(placement))
    return *wrong;
  return Simulation(placement, order, costs, executed).run();
}

std::vector<DeviceUse> bitpipe::schedule::deviceUse(const Placement &placement,
                                                    const Order &order,
                                                    const Timing &timing,
                                                    const Costs &costs) {
  std::vector<DeviceUse> result(order.size());
  for (size_t device = 0; device < order.size(); ++device) {
    DeviceUse &use = result[device];
    double alive = 0;
    for (const Action &action : order[device]) {
      use.work += costs.time(action);
      MemoryChange change = memoryChange(placement, costs, action);
      use.peakActivation = std::max(use.peakActivation, alive += change.taken);
      alive -= change.freed;
      use.messages += receiver(placement, action) >= 0;
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

/// Where devices share out what they update, in stages, each keeps moments of its part.
static void setMoments(const Program &program, const std::vector<bool> &sharded,
                       std::vector<DeviceUse> &use) {
  for (size_t g = 0; g < program.groups.size(); ++g) {
    const auto &[stages, devices] = program.groups[g];
    if (stages.size() == 1 && sharded[g])
      for (int device : devices)
        use[device].moments -= 1 - 1.0 / double(devices.size());
  }
}

ErrorOr<Simulated> bitpipe::schedule::simulateAll(Schedule schedule,
                                                  const Costs &costs,
                                                  const Program *program) {
  ErrorOr<Timing> timing = simulate(schedule.placement, schedule.order, costs);
  if (!timing)
    return Error{schedule.name + ": " + timing.error().text};
  Simulated result{std::move(schedule), costs, std::move(*timing), {}, {}, 0, 0, false};
  result.use = deviceUse(result.schedule.placement, result.schedule.order,
                         result.timing, costs);
  result.iterationEnd = result.timing.makespan;
  if (program) {
    std::vector<bool> sharded = shardedGroups(*program);
    setMoments(*program, sharded, result.use);
    result.shardsOptimizer = std::find(sharded.begin(), sharded.end(), true) != sharded.end();
  }
  if (!costs.hasSums() && !costs.hasUpdates())
    return result;
  ErrorOr<Program> own = program ? ErrorOr<Program>(*program)
                                 : communicate(result.schedule, {}, costs);
  if (!own)
    return Error{result.schedule.name + ": " + own.error().text};
  if (costs.hasSums())
    result.sums = simulateSums(*own, result.timing, costs);
  for (const SumTime &sum : result.sums)
    result.iterationEnd = std::max(result.iterationEnd, sum.end);
  if (costs.hasUpdates())
    result.step = steadyStep(*own, result.schedule.order, costs);
  return result;
}
