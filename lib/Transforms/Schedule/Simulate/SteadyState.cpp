//===- SteadyState.cpp - Between fill and drain ----------------------------===//

#include "lib/Transforms/Schedule/Simulate/SteadyState.h"

#include <algorithm>

using namespace bitpipe::schedule;

namespace {
/// The end of the last run before an update, and the work between two of them.
struct Stretch {
  double begin = 0, end = 0, work = 0;
};
} // namespace

/// What a device does from its last weight gradient of group `from` to that of `to`, each with
/// the update behind it.
static Stretch stretchOf(const Placement &placement, const std::vector<Action> &list,
                         const std::vector<double> &ends, const Costs &costs, int from, int to) {
  Stretch stretch;
  size_t first = 0, last = 0;
  for (size_t i = 0; i < list.size(); ++i) {
    if (!makesWeightGradient(list[i].kind) && list[i].kind != Kind::U)
      continue;
    int group = groupOf(placement, list[i].microbatch);
    if (group == from)
      first = i;
    if (group == to)
      last = i;
  }
  stretch.begin = ends[first];
  stretch.end = ends[last];
  for (size_t i = first + 1; i <= last; ++i)
    stretch.work += costs.timeAt(placement, list, i);
  return stretch;
}

std::optional<SteadyState> bitpipe::schedule::steadyState(const Schedule &schedule,
                                                          const Timing &timing,
                                                          const Costs &costs) {
  const Placement &placement = schedule.placement;
  if (!placement.updates())
    return {};
  // At most so many micro-batches are under way where the forwards end.
  int drain = std::max(placement.stages(), placement.devices()), count = placement.microbatches();
  int last = (count - drain) / placement.updates().every - 1;
  int first = std::max((last - 1) / 2, (drain - 1) / placement.updates().every);
  if (last <= first)
    return {};
  double between = double(last - first) * placement.updates().every;
  SteadyState result;
  std::vector<double> work;
  for (size_t device = 0; device < schedule.order.size(); ++device) {
    const std::vector<Action> &list = schedule.order[device];
    if (list.empty())
      return {};
    Stretch stretch = stretchOf(placement, list, timing.end[device], costs, first, last);
    result.period = std::max(result.period, (stretch.end - stretch.begin) / between);
    work.push_back(stretch.work / between);
  }
  result.bound = *std::max_element(work.begin(), work.end());
  for (double own : work)
    result.idle.push_back(result.period - own);
  return result;
}
