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
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Core/Routes.h"
#include "lib/Transforms/Schedule/Families/Shared/Registry.h"

using namespace bitpipe::schedule;

static std::string updatesText(int every) {
  return "updates after every " + std::to_string(every) + " micro-batches, expected ";
}

static ErrorOr<Placement> place(const Request &request, int every,
                                std::vector<int> versions) {
  if (request.microbatches % every)
    return Error{updatesText(every) + "a divisor of " +
                 std::to_string(request.microbatches)};
  ErrorOr<Placement> placement =
      oneWay(request.devices, request.microbatches, loop(request.devices, 1));
  if (placement)
    placement->setUpdates({every, std::move(versions)});
  return placement;
}

static ErrorOr<Placement> placeEach(const Request &request, std::vector<int> versions) {
  if (request.updateEvery > 1)
    return Error{updatesText(request.updateEvery) + "1 (more is 'pipedream-2bw')"};
  return place(request, 1, std::move(versions));
}

/// As many versions as micro-batches are under way.
static ErrorOr<Placement> placeStashed(const Request &request) {
  std::vector<int> versions;
  for (int stage = 0; stage < request.devices; ++stage)
    versions.push_back(request.devices - stage);
  return placeEach(request, std::move(versions));
}

static ErrorOr<Placement> placeVertical(const Request &request) {
  return placeEach(request, std::vector<int>(request.devices, request.devices));
}

static ErrorOr<Placement> placeTwo(const Request &request) {
  int every = request.updateEvery ? request.updateEvery : request.devices;
  if (every < request.devices)
    return Error{updatesText(every) + "at least " + std::to_string(request.devices) +
                 ", one for each device: with fewer, two versions are not enough"};
  return place(request, every, std::vector<int>(request.devices, 2));
}

/// 1F1B's, with an update behind the last backward of each group.
static ErrorOr<Ordered> order(const Request &request, const Placement &placement) {
  ErrorOr<Ordered> ordered = file::OneFOneB().front().order(request, placement);
  if (!ordered)
    return ordered;
  const Updates &updates = placement.updates();
  for (std::vector<Action> &list : ordered->order) {
    std::vector<Action> updated;
    for (const Action &action : list) {
      updated.push_back(action);
      auto [kind, overlapsNext, stage, m, versions] = action;
      if (kind == Kind::B && (m + 1) % updates.every == 0)
        updated.push_back({Kind::U, false, stage, m, updates.versions[stage]});
    }
    list = std::move(updated);
  }
  return ordered;
}

static Family family(const char *name, const char *summary,
                     ErrorOr<Placement> (*place)(const Request &)) {
  Family result{name, summary, 1, place, order};
  result.updatesBetween = true;
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
