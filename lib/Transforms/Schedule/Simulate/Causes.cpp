//===- Causes.cpp - Where idle time comes from -----------------------------===//

#include "lib/Transforms/Schedule/Core/Versions.h"
#include "lib/Transforms/Schedule/Simulate/Simulate.h"

#include <algorithm>
#include <map>

using namespace bitpipe::schedule;

namespace {
/// What the starts of actions hang on beside the action before.
class Starts {
public:
  Starts(const Placement &placement, const Order &order, const Timing &timing);

  /// The first of the actions that start together with one.
  size_t firstOf(const Step &step) const {
    const auto &[device, i] = step;
    bool isSecond = endsPair(order[device], i) &&
                    timing.start[device][i] == timing.start[device][i - 1];
    return isSecond ? i - 1 : i;
  }
  double startOf(const Step &step) const { return timing.start[step.device][step.position]; }
  /// The gather that a step has waited for, if it has; the step is named by its first action.
  std::optional<Step> gather(const Step &step) const;
  /// Of what a step reads of other stages the action that makes the last to be there.
  std::optional<Step> source(const Step &step) const;
  /// Of what an update has waited for on the other devices of its stage the last, if it has: the
  /// sum is of the gradients of all of them.
  std::optional<Step> summed(const Step &step) const;
  double arrivalOf(const Step &step) const {
    return timing.arrival[step.device][step.position];
  }

private:
  size_t slotOf(const Tensor &tensor) const { return tensorKey(placement, tensor); }
  /// Calls `visit` with the places of all actions of a step.
  template <typename Visit> void forEachOf(const Step &step, Visit visit) const {
    size_t end = order[step.device].size();
    for (size_t i = step.position; i < end && firstOf({step.device, i}) == step.position; ++i)
      visit(i);
  }

  const Placement &placement;
  const Order &order;
  const Timing &timing;
  /// Where every tensor that travels is made.
  std::vector<Step> made;
  std::map<std::pair<int, int>, std::vector<Step>> updates; // by stage and group
  std::vector<std::vector<int>> gathers; // see gathersBefore
};
} // namespace

/// For each action of a device the last gather of its stage before it, or -1.
static std::vector<int> gathersBefore(const Placement &placement,
                                      const std::vector<Action> &list) {
  std::vector<int> last(placement.stages(), -1), result(list.size(), -1);
  for (size_t i = 0; i < list.size() && placement.gathers(); ++i) {
    if (isRun(list[i].kind))
      result[i] = last[list[i].stage];
    if (list[i].kind == Kind::A)
      last[list[i].stage] = int(i);
  }
  return result;
}

Starts::Starts(const Placement &placement, const Order &order, const Timing &timing)
    : placement(placement), order(order), timing(timing), made(tensorCount(placement)) {
  for (size_t device = 0; device < order.size(); ++device) {
    gathers.push_back(gathersBefore(placement, order[device]));
    for (size_t i = 0; i < order[device].size(); ++i) {
      const Action &action = order[device][i];
      if (action.kind == Kind::U)
        updates[{action.stage, groupOf(placement, action.microbatch)}].push_back({int(device), i});
      for (const Tensor &tensor : effect(placement, action).makes)
        if (travels(tensor.sort))
          made[slotOf(tensor)] = {int(device), i};
    }
  }
}

std::optional<Step> Starts::gather(const Step &step) const {
  std::optional<Step> found;
  forEachOf(step, [&](size_t i) {
    int gather = gathers[step.device][i];
    Step from{step.device, size_t(gather)};
    if (gather >= 0 && arrivalOf(from) >= startOf(step))
      found = from;
  });
  return found;
}

std::optional<Step> Starts::source(const Step &step) const {
  std::optional<Step> last;
  forEachOf(step, [&](size_t i) {
    std::optional<Tensor> read = received(placement, order[step.device][i]);
    if (!read)
      return;
    Step from = made[slotOf(*read)];
    if (!last || arrivalOf(from) > arrivalOf(*last))
      last = from;
  });
  return last;
}

std::optional<Step> Starts::summed(const Step &step) const {
  const Action &action = order[step.device][step.position];
  if (action.kind != Kind::U)
    return {};
  auto endBefore = [&](const Step &update) {
    return update.position ? timing.end[update.device][update.position - 1] : 0;
  };
  const Step *last = &step;
  for (const Step &other : updates.at({action.stage, groupOf(placement, action.microbatch)}))
    if (endBefore(other) > endBefore(*last))
      last = &other;
  if (last->device == step.device)
    return {};
  return Step{last->device, last->position - 1};
}

std::vector<IdleTime>
bitpipe::schedule::idleTimes(const Placement &placement, const Order &order,
                             const Timing &timing) {
  std::vector<IdleTime> result(order.size());
  Starts starts(placement, order, timing);
  for (int device = 0; device < int(order.size()); ++device) {
    IdleTime &idle = result[device];
    if (order[device].empty())
      continue;
    idle.fill = timing.start[device].front();
    idle.drain = timing.makespan - timing.end[device].back();
    if (idle.drain < 1e-9 * timing.makespan) // what is left over to rounding
      idle.drain = 0;
    std::vector<double> waits(order.size());
    for (size_t i = 1; i < order[device].size(); ++i) {
      Step step{device, i};
      if (starts.firstOf(step) != i)
        continue;
      double gap = starts.startOf(step) - timing.end[device][i - 1];
      idle.waiting += gap;
      if (gap > 0 && starts.gather(step))
        idle.gathering += gap;
      else if (std::optional<Step> sum = starts.summed(step); gap > 0 && sum)
        waits[sum->device] += gap;
      else if (std::optional<Step> from = starts.source(step); gap > 0 && from)
        waits[from->device] += gap;
    }
    auto longest = std::max_element(waits.begin(), waits.end());
    idle.longest = *longest;
    if (idle.longest > 0)
      idle.waitsFor = int(longest - waits.begin());
  }
  return result;
}

/// The action that ends last, the first of those on the first device.
static Step lastOf(const Timing &timing) {
  Step last;
  double latest = -1;
  for (size_t device = 0; device < timing.end.size(); ++device)
    for (size_t i = 0; i < timing.end[device].size(); ++i)
      if (timing.end[device][i] > latest) {
        latest = timing.end[device][i];
        last = {int(device), i};
      }
  return last;
}

std::vector<Step>
bitpipe::schedule::criticalPath(const Placement &placement, const Order &order,
                                const Timing &timing) {
  Starts starts(placement, order, timing);
  std::vector<Step> path{lastOf(timing)};
  while (starts.startOf(path.back()) > 0) {
    int device = path.back().device;
    Step step{device, starts.firstOf(path.back())};
    double start = starts.startOf(step);
    std::optional<Step> gather = starts.gather(step), source = starts.source(step);
    std::optional<Step> summed = starts.summed(step);
    bool isFree = step.position > 0 && timing.end[device][step.position - 1] >= start;
    if (isFree)
      path.push_back({device, step.position - 1});
    else if (gather)
      path.push_back(*gather);
    else if (summed)
      path.push_back(*summed);
    else if (source && starts.arrivalOf(*source) >= start)
      path.push_back(*source);
    else if (step.position > 0) // what comes between is a move
      path.push_back({device, step.position - 1});
    else
      break;
  }
  std::reverse(path.begin(), path.end());
  return path;
}
