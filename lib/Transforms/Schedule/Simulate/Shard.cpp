//===- Shard.cpp - Slices of gradients and parameters -----------------------===//

#include "lib/Transforms/Schedule/Simulate/Shard.h"

#include "lib/Transforms/Schedule/Simulate/CheckOrder.h"

#include <algorithm>

using namespace bitpipe::schedule;

namespace {
/// Puts gathers, drops and scatters into the list of one device. The runs of a pair stay
/// together.
class Sharder {
public:
  Sharder(const Placement &placement, const std::vector<Action> &list, bool scatters,
          bool gathers)
      : placement(placement), list(list), scatters(scatters), gathers(gathers),
        lastGradient(placement.stages(), -1), isHeld(placement.stages()),
        nextOther(list.size() + 1, -1) {
    for (size_t i = 0; i < list.size(); ++i)
      if (makesWeightGradient(list[i].kind))
        lastGradient[list[i].stage] = int(i);
    findNextStages();
  }

  std::vector<Action> run() {
    for (size_t i = 0, end; i < list.size(); i = end) {
      end = i + 1 + list[i].overlapsNext;
      if (gathers && isRun(list[i].kind))
        hold(i, end);
      for (size_t k = i; k < end; ++k)
        result.push_back(list[k]);
      for (size_t k = i; scatters && k < end; ++k)
        if (lastGradient[list[k].stage] == int(k))
          add(Kind::S, list[k]);
    }
    for (const Action &action : list)
      drop(action);
    return std::move(result);
  }

private:
  /// The first run from each place on that is of another stage than the run before it.
  void findNextStages() {
    int next = -1; // the run behind
    for (size_t i = list.size(); i-- > 0;) {
      nextOther[i] = nextOther[i + 1];
      if (!isRun(list[i].kind))
        continue;
      if (next >= 0 && list[next].stage != list[i].stage)
        nextOther[i] = next;
      next = int(i);
    }
  }

  /// Of the runs that begin at one place the stages, and the next other one.
  void hold(size_t begin, size_t end) {
    std::vector<const Action *> needed;
    for (size_t k = begin; k < end; ++k)
      needed.push_back(&list[k]);
    int next = nextOther[end - 1];
    if (next >= 0)
      needed.push_back(&list[next]);
    auto isNeeded = [&](int stage) {
      return std::ranges::any_of(needed, [&](const Action *one) { return one->stage == stage; });
    };
    for (const Action &action : std::vector<Action>(held))
      if (!isNeeded(action.stage))
        drop(action);
    for (const Action *action : needed)
      if (!isHeld[action->stage]) {
        isHeld[action->stage] = true;
        held.push_back(*action);
        add(Kind::A, *action);
      }
  }

  void drop(const Action &action) {
    if (!isHeld[action.stage])
      return;
    isHeld[action.stage] = false;
    std::erase_if(held, [&](const Action &one) { return one.stage == action.stage; });
    add(Kind::D, action);
  }

  void add(Kind kind, const Action &of) {
    result.push_back({kind, false, of.stage, placement.firstOf(of.microbatch)});
  }

  const Placement &placement;
  const std::vector<Action> &list;
  const bool scatters, gathers;
  std::vector<int> lastGradient; // by stage
  std::vector<bool> isHeld;      // by stage
  std::vector<Action> held;      // a run of each stage whose weights are there
  std::vector<int> nextOther;
  std::vector<Action> result;
};
} // namespace

static bool has(const Order &order, Kind kind) {
  return std::ranges::any_of(order, [&](const std::vector<Action> &list) {
    return std::ranges::any_of(list, [&](const Action &action) { return action.kind == kind; });
  });
}

std::optional<Error> bitpipe::schedule::shard(Schedule &schedule, Shard shard) {
  Placement &placement = schedule.placement;
  placement.setShard(shard);
  if (std::optional<Error> wrong = checkShardable(placement))
    return wrong;
  if (!placement.scatters())
    return {};
  if (placement.replicas() < 2)
    return Error{std::string("no replicas, expected --data-parallel of 2 or more for --shard=") +
                 nameOf(shard)};
  bool scatters = !has(schedule.order, Kind::S);
  bool gathers = placement.gathers() && !has(schedule.order, Kind::A);
  for (std::vector<Action> &list : schedule.order)
    list = Sharder(placement, list, scatters, gathers).run();
  bool hasOwn = !scatters || (placement.gathers() && !gathers);
  return hasOwn ? checkOrder(schedule) : std::nullopt;
}
