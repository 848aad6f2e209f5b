//===- Shard.cpp - Slices of gradients and parameters -----------------------===//

#include "lib/Transforms/Schedule/Simulate/Shard.h"

#include "lib/Transforms/Schedule/Simulate/CheckOrder.h"
#include "lib/Transforms/Schedule/Simulate/Placing.h"
#include "lib/Transforms/Schedule/Simulate/ShardEvents.h"
#include "lib/Transforms/Schedule/Simulate/Simulate.h"

#include <algorithm>
#include <numeric>

using namespace bitpipe::schedule;

/// Fails unless every stage is on several devices.
static std::optional<Error> checkShared(const Placement &placement) {
  std::string asked = std::string(" for --shard=") + nameOf(placement.shard());
  int alone = 0, first = -1;
  for (int stage = 0; stage < placement.stages(); ++stage)
    if (placement.holders(stage).size() < 2) {
      first = alone++ ? first : stage;
    }
  if (alone == placement.stages())
    return Error{"every stage is on one device alone, expected --data-parallel of 2 or more, or two "
                 "directions," + asked};
  if (alone)
    return Error{"stage " + std::to_string(first) + " is on one device alone, expected each on "
                 "several" + asked};
  return {};
}

/// How many replicas there are whose orders are one.
static int equalReplicas(const Schedule &schedule) {
  const Placement &placement = schedule.placement;
  int replicas = placement.replicas(), count = placement.microbatches() / replicas;
  size_t own = schedule.order.size() / replicas;
  for (size_t device = own; device < schedule.order.size(); ++device) {
    const std::vector<Action> &first = schedule.order[device % own];
    int shift = int(device / own) * count;
    auto isSame = [&](const Action &one, Action other) {
      other.microbatch -= isOfShards(other.kind) ? 0 : shift;
      return one.kind == other.kind && one.stage == other.stage &&
             (isOfShards(one.kind) || one.microbatch == other.microbatch);
    };
    if (!std::ranges::equal(first, schedule.order[device], isSame))
      return 1;
  }
  return replicas;
}

namespace {
/// Puts gathers, drops and scatters into the order of one replica, and in the same places into
/// those of the others.
class Sharder {
public:
  Sharder(Schedule &schedule, const Costs &costs, bool scatters, bool gathers)
      : placement(schedule.placement), order(schedule.order), costs(costs), scatters(scatters),
        gathers(gathers), replicas(equalReplicas(schedule)), own(order.size() / replicas),
        first(order.size(), std::vector<int>(placement.stages(), -1)), turns(own) {
    for (const Route &route : placement.routes())
      for (int stage = 0; stage < placement.stages(); ++stage)
        first[route.devices[stage]][stage] =
            placement.firstOf(stage, route.microbatches.front());
  }

  std::optional<Error> run() {
    std::vector<int> devices(own);
    std::iota(devices.begin(), devices.end(), 0);
    if (int(placement.routes().size()) > replicas) {
      if (std::optional<Error> wrong = findTimes())
        return wrong;
      insertInto(devices);
      return {};
    }
    for (int device : devices) {
      findPlaces(device);
      insertInto({device});
    }
    return {};
  }

private:
  bool holds(int device, int stage) const { return first[device][stage] >= 0; }

  /// A device that shares with no other one of its replica needs no other time than its list.
  void findPlaces(size_t device) {
    std::vector<double> places(order[device].size() + 1);
    std::iota(places.begin(), places.end(), 0.0);
    turns[device] = turnsOf(order[device], places, {places.begin() + 1, places.end()});
  }

  /// When the runs start, without what a file has of slices.
  std::optional<Error> findTimes() {
    Placement whole = forPlacing(placement);
    whole.setShard(Shard::None);
    Order runs = order;
    for (std::vector<Action> &list : runs)
      std::erase_if(list, [](const Action &action) { return isOfShards(action.kind); });
    ErrorOr<Timing> timing = simulate(whole, runs, forPlacing(costs));
    if (!timing)
      return timing.error();
    for (size_t device = 0; device < own; ++device) {
      std::vector<double> start, end;
      size_t next = 0; // of the actions that have a time
      for (const Action &action : order[device]) {
        bool isTimed = !isOfShards(action.kind);
        start.push_back(isTimed ? timing->start[device][next] : 0);
        end.push_back(isTimed ? timing->end[device][next] : 0);
        next += isTimed;
      }
      turns[device] = turnsOf(order[device], start, end);
    }
    return {};
  }

  void insertInto(const std::vector<int> &part) {
    std::vector<ShardList> lists;
    for (int device : part)
      lists.push_back({&order[device], turns[device]});
    std::vector<ShardEvent> events = shardEvents(lists, placement.stages(), gathers, scatters);
    for (int device : part)
      for (int replica = replicas; replica-- > 0;)
        insertInto(device, device + replica * int(own), events);
  }

  /// As the first replica's device has its turns.
  void insertInto(int like, int device, const std::vector<ShardEvent> &events) {
    const std::vector<Action> list = std::move(order[device]);
    const std::vector<Turn> &own = turns[like];
    std::vector<Action> &result = order[device];
    result.clear();
    size_t copied = 0, before = 0; // how far in the list, and turns that start before
    for (const ShardEvent &event : events) {
      if (!holds(device, event.stage))
        continue;
      while (before < own.size() && own[before].starts < event.time)
        ++before;
      // A scatter right behind a run, all else right before one.
      size_t behind = before ? own[before - 1].end : 0;
      size_t place = event.kind == Kind::S     ? behind
                     : before < own.size() ? own[before].begin
                                           : list.size();
      for (; copied < place; ++copied)
        result.push_back(list[copied]);
      result.push_back({event.kind, false, event.stage, first[device][event.stage]});
    }
    result.insert(result.end(), list.begin() + copied, list.end());
  }

  const Placement &placement;
  Order &order;
  const Costs &costs;
  const bool scatters, gathers;
  const int replicas;
  const size_t own; // devices of one
  std::vector<std::vector<int>> first; // micro-batch by device and stage, -1: not held
  std::vector<std::vector<Turn>> turns;
};
} // namespace

std::optional<Error> bitpipe::schedule::shard(Schedule &schedule, Shard shard,
                                              const Costs &costs) {
  Placement &placement = schedule.placement;
  placement.setShard(shard);
  if (std::optional<Error> wrong = checkShardable(placement))
    return wrong;
  if (!placement.scatters())
    return {};
  if (std::optional<Error> wrong = checkShared(placement))
    return wrong;
  bool scatters = !hasKind(schedule.order, Kind::S);
  bool gathers = placement.gathers() && !hasKind(schedule.order, Kind::A);
  if (std::optional<Error> wrong = Sharder(schedule, costs, scatters, gathers).run())
    return wrong;
  bool hasOwn = !scatters || (placement.gathers() && !gathers);
  return hasOwn ? checkOrder(schedule) : std::nullopt;
}
