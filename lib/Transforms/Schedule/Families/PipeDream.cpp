//===- PipeDream.cpp - Updates without a flush -----------------------------===//
//
// Harlap et al., PipeDream: Fast and Efficient Pipeline Parallel DNN Training, 2018: 1F1B
// in which each stage is updated after every backward, so that the pipeline never drains. A
// backward reads the weights that its forward has read. Stage s has D-s micro-batches under
// way and as many versions of its weights. D = 3, N = 4:
//
//   0F0,0F1,0F2,0B0,0U0V3,0F3,0B1,0U1V3,0B2,0U2V3,0B3,0U3V3
//   1F0,1F1,1B0,1U0V2,1F2,1B1,1U1V2,1F3,1B2,1U2V2,1B3,1U3V2
//   2F0,2B0,2U0V1,2F1,2B1,2U1V1,2F2,2B2,2U2V1,2F3,2B3,2U3V1
//
// With vertical sync all stages read for a micro-batch the version that the first one
// does, so that all keep D. Narayanan et al., Memory-Efficient Pipeline-Parallel DNN
// Training, 2020 (2BW): an update after every group of at least D micro-batches, which all
// stages run with the version before the newest: two versions suffice.
//
// Idle (D-1)(f+b) on every device at the ends of the iteration, as 1F1B, however many
// micro-batches and updates lie between.
//
// Several devices may share a stage: they take turns with the micro-batches, and make each update
// with the gradients of all. So groups are of as many micro-batches as give each device of a
// stage the same number, or of a multiple of that, and are read as their first one would be: a
// device has w under way and g of each group, so that the updates of all groups but the last
// (w-1)/g, rounded up, have come before it starts the next. With one device for each stage w is
// D-s and g 1; else a few more are under way, as devices wait for sums (SharedStages.h).
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Core/Versions.h"
#include "lib/Transforms/Schedule/Families/Shared/Registry.h"
#include "lib/Transforms/Schedule/Families/Shared/SharedStages.h"

#include <algorithm>

using namespace bitpipe::schedule;

static std::string updatesText(int every) {
  return "updates after every " + std::to_string(every) + " micro-batches, expected ";
}

/// How many versions each stage has, with updates after so many micro-batches.
using Versions = std::vector<int> (*)(const SharedStages &, int every);

/// The least number of micro-batches between updates is `least` or more.
static ErrorOr<Placement> place(const Request &request, const SharedStages &stages, int least,
                                Versions versions) {
  int turns = stages.turns();
  int every = request.updateEvery ? request.updateEvery : (least + turns - 1) / turns * turns;
  if (every < least)
    return Error{updatesText(every) + "at least " + std::to_string(least) +
                 (least > request.devices
                      ? ", as many as are under way beside sums"
                      : ", one for each device") +
                 ": with fewer, two versions are not enough"};
  if (every % turns)
    return Error{updatesText(every) + "a multiple of " + std::to_string(turns) +
                 ", so that all devices of a stage have as many of each update's"};
  if (request.microbatches % every)
    return Error{updatesText(every) + "a divisor of " +
                 std::to_string(request.microbatches)};
  ErrorOr<Placement> placement = stages.place(request.microbatches);
  if (placement)
    placement->setUpdates({every, versions(stages, every)});
  return placement;
}

/// As many as groups are under way where a group begins.
static std::vector<int> stashed(const SharedStages &stages, int every) {
  std::vector<int> versions, underWay = stages.underWayBesideSums();
  for (int stage = 0; stage < stages.stages(); ++stage) {
    int own = every / stages.replicasOf(stage);
    versions.push_back(1 + (underWay[stage] - 1 + own - 1) / own);
  }
  return versions;
}

static ErrorOr<Placement> placeStashed(const Request &request) {
  ErrorOr<SharedStages> stages = SharedStages::of(request);
  return stages ? place(request, *stages, 1, stashed) : stages.error();
}

/// Those of the first stage, which has most.
static ErrorOr<Placement> placeVertical(const Request &request) {
  ErrorOr<SharedStages> stages = SharedStages::of(request);
  if (!stages)
    return stages.error();
  return place(request, *stages, 1, [](const SharedStages &all, int every) {
    return std::vector<int>(all.stages(), stashed(all, every).front());
  });
}

/// At least one micro-batch for each device, and as many as are under way where a group begins.
static ErrorOr<Placement> placeTwo(const Request &request) {
  ErrorOr<SharedStages> stages = SharedStages::of(request);
  if (!stages)
    return stages.error();
  int least = request.devices;
  for (int stage = 0; stage < stages->stages(); ++stage)
    least = std::max(least, (stages->underWayBesideSums()[stage] - 1) * stages->replicasOf(stage));
  return place(request, *stages, least, [](const SharedStages &all, int) {
    return std::vector<int>(all.stages(), 2);
  });
}

/// 1F1B's, with an update behind the last backward of each group.
static ErrorOr<Ordered> order(const Request &request, const Placement &placement) {
  ErrorOr<SharedStages> stages = SharedStages::of(request);
  if (!stages)
    return stages.error();
  Order result = stages->order(request.microbatches, stages->underWayBesideSums());
  for (std::vector<Action> &list : result) {
    std::vector<Action> updated;
    for (const Action &action : list) {
      updated.push_back(action);
      auto [kind, overlapsNext, stage, m, versions] = action;
      if (kind == Kind::B && endsOwnGroup(placement, stage, m))
        updated.push_back({Kind::U, false, stage, m, placement.updates().versions[stage]});
    }
    list = std::move(updated);
  }
  return Ordered(std::move(result));
}

static Family family(const char *name, const char *summary,
                     ErrorOr<Placement> (*place)(const Request &)) {
  Family result{name, summary, 1, place, order};
  result.updatesBetween = true;
  result.sharesStages = true;
  return result;
}

std::vector<Family> bitpipe::schedule::file::PipeDream() {
  return {family("pipedream", "1F1B without a flush: an update per micro-batch",
                 placeStashed),
          family("pipedream-vertical", "pipedream, one version through all stages",
                 placeVertical),
          family("pipedream-2bw", "1F1B without a flush: an update per group, two versions",
                 placeTwo)};
}
