//===- Causes.cpp - Where idle time comes from -----------------------------===//

#include "lib/Transforms/Schedule/Simulate/Simulate.h"

#include <algorithm>

using namespace bitpipe::schedule;

/// The action that makes what another one reads of another stage. False if it needs none.
static bool source(const Placement &placement, const Action &action,
                   Action &from) {
  std::optional<Tensor> read = received(placement, action);
  if (!read)
    return false;
  Kind kind = read->sort == Tensor::Output ? Kind::F : Kind::B;
  from = {kind, false, read->stage, read->microbatch};
  return true;
}

/// For each action of a device the last gather of its stage before it, or -1.
static std::vector<int> gathersBefore(const Placement &placement,
                                      const std::vector<Action> &list) {
  std::vector<int> last(placement.gathers() ? placement.stages() : 0, -1), result;
  for (size_t i = 0; i < list.size() && !last.empty(); ++i) {
    result.push_back(isRun(list[i].kind) ? last[list[i].stage] : -1);
    if (list[i].kind == Kind::A)
      last[list[i].stage] = int(i);
  }
  result.resize(list.size(), -1);
  return result;
}

std::vector<IdleTime>
bitpipe::schedule::idleTimes(const Placement &placement, const Order &order,
                             const Timing &timing) {
  std::vector<IdleTime> result(order.size());
  for (size_t device = 0; device < order.size(); ++device) {
    IdleTime &idle = result[device];
    if (order[device].empty())
      continue;
    idle.fill = timing.start[device].front();
    idle.drain = timing.makespan - timing.end[device].back();
    std::vector<double> waits(order.size());
    std::vector<int> gathers = gathersBefore(placement, order[device]);
    for (size_t i = 1; i < order[device].size(); ++i) {
      double gap = timing.start[device][i] - timing.end[device][i - 1];
      idle.waiting += gap;
      Action from;
      if (gap > 0 && gathers[i] >= 0 &&
          timing.arrival[device][gathers[i]] >= timing.start[device][i])
        idle.gathering += gap;
      else if (gap > 0 && source(placement, order[device][i], from))
        waits[placement.device(from.stage, from.microbatch)] += gap;
    }
    auto longest = std::max_element(waits.begin(), waits.end());
    idle.longest = *longest;
    if (idle.longest > 0)
      idle.waitsFor = int(longest - waits.begin());
  }
  return result;
}

std::vector<Step>
bitpipe::schedule::criticalPath(const Placement &placement, const Order &order,
                                const Timing &timing) {
  // Where everything that is sent is made.
  size_t tensors = size_t(placement.stages()) * placement.microbatches();
  std::vector<size_t> made(2 * tensors);
  auto slot = [&](const Action &action) -> size_t & {
    return made[(action.kind == Kind::F ? 0 : tensors) +
                size_t(action.stage) * placement.microbatches() +
                action.microbatch];
  };
  Step last;
  double latest = -1;
  for (size_t device = 0; device < order.size(); ++device)
    for (size_t i = 0; i < order[device].size(); ++i) {
      if (handsOn(order[device][i].kind))
        slot(order[device][i]) = i;
      if (timing.end[device][i] > latest) {
        latest = timing.end[device][i];
        last = {int(device), i};
      }
    }

  std::vector<std::vector<int>> gathers;
  for (const std::vector<Action> &list : order)
    gathers.push_back(gathersBefore(placement, list));
  std::vector<Step> path{last};
  while (timing.start[path.back().device][path.back().position] > 0) {
    auto [device, position] = path.back();
    double start = timing.start[device][position];
    Action from;
    bool isFree = position > 0 && timing.end[device][position - 1] >= start;
    int gather = gathers[device][position];
    if (isFree)
      path.push_back({device, position - 1});
    else if (gather >= 0 && timing.arrival[device][gather] >= start)
      path.push_back({device, size_t(gather)});
    else if (source(placement, order[device][position], from) &&
             timing.arrival[placement.place(from)][slot(from)] >= start)
      path.push_back({placement.place(from), slot(from)});
    else if (position > 0) // what comes between is a move
      path.push_back({device, position - 1});
    else
      break;
  }
  std::reverse(path.begin(), path.end());
  return path;
}
