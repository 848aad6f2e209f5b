//===- Simulate.h - When everything happens ----------------------*- C++ -*-===//
//
// Every action starts as soon as its device is free and its inputs are there. The two of a pair
// are one step where costs say that they go on at the same time (Costs::overlapsPairs).
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_SIMULATE_H
#define BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_SIMULATE_H

#include "lib/Transforms/Schedule/Core/Effects.h"
#include "lib/Transforms/Schedule/Core/Program.h"
#include "lib/Transforms/Schedule/Core/Schedule.h"
#include "lib/Transforms/Schedule/Simulate/SumTime.h"

namespace bitpipe::schedule {

/// Start and end of every action, in the shape of the order.
struct Timing {
  std::vector<std::vector<double>> start, end;
  /// When what the action makes can be sent, and when it is on the device that reads
  /// it.
  std::vector<std::vector<double>> made, arrival;
  /// What A and S of the order take beside the runs, in the order in which they are done, and the
  /// sums before its updates.
  std::vector<SumTime> gathers, scatters, sums;
  double makespan = 0;
};

/// What a simulation leaves out where only orders are compared.
struct AsExecuted {
  /// When each device can start; empty: all at 0.
  std::vector<double> begin = {};
  /// A whole backward is executed as its two parts, and sends what the first has
  /// made before the second, unless it is part of a pair that goes on at the same time.
  bool splitsBackwards = false;
  /// When the weights of each stage are there, by device; empty: at 0.
  std::vector<std::vector<double>> weights = {};
  /// When each device is done with what it gathers of the step before; empty: at 0.
  std::vector<double> gathered = {};
  /// The groups of a program (makeGroups), for whose parameters updates between micro-batches
  /// wait; empty: those of stages that share none.
  std::vector<Group> groups = {};
};

/// Linear in the number of actions. Fails if costs are missing and, naming who waits
/// for what, when the order blocks.
ErrorOr<Timing> simulate(const Placement &placement, const Order &order,
                         const Costs &costs = {},
                         const AsExecuted &executed = {});

/// What one device does in an iteration.
struct DeviceUse {
  double work = 0, idle = 0;
  /// Most activations alive at once, in the costs' unit, with weights that are gathered and
  /// gradients that are summed for a while.
  double peakActivation = 0;
  /// Most activations that its host keeps of it at once.
  double peakOnHost = 0;
  /// What it always keeps beside them: the state of its stages.
  double state = 0;
  /// Stages whose weights the device always holds, in slices where those are gathered.
  double weights = 0;
  /// The part of its stages of which it keeps the optimizer's moments.
  double moments = 0;
  /// Messages sent to other devices.
  int messages = 0;
};

std::vector<DeviceUse> deviceUse(const Placement &placement,
                                 const Order &order, const Timing &timing,
                                 const Costs &costs = {});

/// Where the idle time of a device comes from.
struct IdleTime {
  /// Before its first action, after its last, and between.
  double fill = 0, drain = 0, waiting = 0;
  /// Of the time between, for weights that are gathered.
  double gathering = 0;
  /// The device it waits for longest between actions, or -1, and how long.
  int waitsFor = -1;
  double longest = 0;
};

std::vector<IdleTime> idleTimes(const Placement &placement, const Order &order,
                                const Timing &timing);

/// An action of a device, by its place in the order.
struct Step {
  int device = 0;
  size_t position = 0;
};

/// Actions each of which starts when the one before it is done or its message
/// there, up to the end of the iteration: shortening any other gains nothing.
std::vector<Step> criticalPath(const Placement &placement, const Order &order,
                               const Timing &timing);

/// The share of an iteration that the devices idle, on average.
double bubble(const std::vector<DeviceUse> &use, const Timing &timing);

/// A schedule with its times, as the views below want it.
struct Simulated {
  Schedule schedule;
  Costs costs;
  Timing timing;
  std::vector<DeviceUse> use;
  /// In the order in which they are done; none where sums take no time.
  std::vector<SumTime> sums;
  /// The makespan, or the end of the last sum if that is later.
  double iterationEnd = 0;
  /// A step of many, if costs tell what updates take: see steadyStep.
  double step = 0;
  /// Devices update slices of what several hold, so that sums give each its slice alone:
  /// Placement::shard is not None.
  bool shards = false;
};
/// With the messages and sums of the program, or those that the order is given
/// where there is none.
ErrorOr<Simulated> simulateAll(Schedule schedule, const Costs &costs = {},
                               const Program *program = nullptr);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_SIMULATE_H
