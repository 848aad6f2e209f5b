//===- Balancer.h - Which activations move, and when -------------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_BALANCER_H
#define BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_BALANCER_H

#include "lib/Transforms/Schedule/Simulate/Simulate.h"

#include <algorithm>
#include <optional>

namespace bitpipe::schedule {

/// What is equal but for rounding.
constexpr double balanceSlack = 1e-9;

/// A device that evicts, and the one that keeps it meanwhile.
struct Partners {
  int heavy = 0, light = 0;
};

/// A run, or two that go on at the same time.
struct Unit {
  size_t first;
  double end;
  /// The most that is alive meanwhile.
  double alive;
};

/// What a forward saves, by the units of its device.
struct Activation {
  int stage, microbatch;
  double size;
  size_t made, read;
};

/// An activation that moves: before which units the four actions stand, of its own device
/// and of the partner, or of its host in its own list.
struct Moved {
  Activation activation;
  size_t evict, load;
  size_t keep = 0, give = 0;
};

/// What two partners move, or a device and its host: then both are that device.
struct MovePlan {
  Partners pair;
  std::vector<Moved> moved;
  /// What each holds at most.
  double heavy, light;

  double most() const { return std::max(heavy, light); }
};

/// Finds what the partners in an order move. The order must outlive it.
class Balancer {
public:
  /// Activations are as large as in `sizes`, all else is as in `costs`.
  Balancer(const Schedule &schedule, const Costs &costs, const Costs &sizes,
           const Timing &timing);

  /// Nothing if the two cannot do with so much.
  std::optional<MovePlan> plan(Partners pair, double most) const;
  /// The first that they can do with, of all amounts that either holds at some time; nothing
  /// if that is what the heavy one holds anyway.
  std::optional<MovePlan> bestPlan(Partners pair) const;
  /// What a device moves to its host, which has room for anything; nothing if it cannot do
  /// with so much.
  std::optional<MovePlan> planOnHost(int device, double most) const;
  /// The least that a device can do with, of all amounts that it holds at some time, where
  /// its host keeps the rest.
  double leastOnDevice(int device) const;
  /// What a device holds at most while nothing moves.
  double peak(int device) const;
  /// The order with the moves of some plans.
  void apply(Schedule &schedule, const std::vector<MovePlan> &plans) const;

private:
  std::vector<Activation> activations(int device) const;
  std::optional<std::vector<Moved>> evictions(int device, double most, bool oneAtATime) const;
  bool placeGuests(MovePlan &plan, double most, bool waits) const;
  size_t unitEndingAfter(int device, double time) const;
  double beginOf(int device, size_t unit) const {
    return unit ? units[device][unit - 1].end : 0;
  }

  const Schedule &schedule;
  const Costs &costs, &sizes;
  std::vector<std::vector<Unit>> units;
};

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_BALANCER_H
