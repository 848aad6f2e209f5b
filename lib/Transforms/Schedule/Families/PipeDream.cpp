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
// PipeDream-Flush of the same paper is 1F1B where each stage has one device, and has a name
// here for stages that several devices share: they take micro-batches in turn, and a device
// has the devices from its stage on, divided by those of the stage and rounded up, under way.
//
// Idle (D-1)(f+b) on every device at the ends of the iteration, as 1F1B, however many
// micro-batches and updates lie between.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Core/Routes.h"
#include "lib/Transforms/Schedule/Core/Limits.h"
#include "lib/Transforms/Schedule/Families/Shared/Registry.h"
#include "lib/Transforms/Schedule/Families/Shared/TakeTurns.h"

#include <algorithm>
#include <numeric>

using namespace bitpipe::schedule;

static std::string updatesText(int every) {
  return "updates after every " + std::to_string(every) + " micro-batches, expected ";
}

static ErrorOr<Placement> place(const Request &request, int every,
                                std::vector<int> versions) {
  if (request.chunks != 1)
    return Error{std::to_string(request.chunks) + " chunks, expected 1"};
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

/// One forward and one backward in turn, and an update behind the last backward of each
/// group.
static ErrorOr<Ordered> order(const Request &request, const Placement &placement) {
  const Updates &updates = placement.updates();
  Order result(request.devices);
  for (int stage = 0; stage < request.devices; ++stage) {
    std::vector<Action> &list = result[stage];
    int ahead = std::min(request.microbatches, request.devices - 1 - stage);
    for (int m = 0; m < request.microbatches + ahead; ++m) {
      if (m < request.microbatches)
        list.push_back({Kind::F, false, stage, m});
      int back = m - ahead;
      if (back >= 0)
        list.push_back({Kind::B, false, stage, back});
      if (back >= 0 && (back + 1) % updates.every == 0)
        list.push_back({Kind::U, false, stage, back, updates.versions[stage]});
    }
  }
  return result;
}

/// The first device of each stage, and behind them their number.
static std::vector<int> firstDevices(const Request &request) {
  std::vector<int> first{0};
  for (int replicas : request.stageReplicas)
    first.push_back(first.back() + replicas);
  return first;
}

/// A route for every residue of the micro-batches.
static ErrorOr<Placement> placeShared(const Request &request) {
  const std::vector<int> &replicas = request.stageReplicas;
  if (request.chunks != 1)
    return Error{std::to_string(request.chunks) + " chunks, expected 1"};
  bool isShared = false;
  int64_t residues = 1, devices = 0;
  for (int count : replicas) {
    if (count < 1)
      return Error{std::to_string(count) + " devices at a stage, expected 1 or more"};
    isShared |= count > 1;
    devices += count;
    residues = std::min<int64_t>(std::lcm(residues, int64_t(count)), mostMicrobatches);
  }
  if (!isShared)
    return Error{"one device at each stage, expected --stage-replicas with more at some (else "
                 "it is '1f1b')"};
  if (devices != request.devices)
    return Error{std::to_string(devices) + " devices at all stages, expected " +
                 std::to_string(request.devices)};
  if (request.microbatches % residues)
    return Error{std::to_string(request.microbatches) + " micro-batches, expected a multiple of " +
                 std::to_string(residues) + ", so that all devices of a stage have as many"};
  std::vector<int> first = firstDevices(request);
  std::vector<Route> routes(residues);
  for (int residue = 0; residue < residues; ++residue) {
    for (size_t stage = 0; stage < replicas.size(); ++stage)
      routes[residue].devices.push_back(first[stage] + residue % replicas[stage]);
    for (int m = residue; m < request.microbatches; m += int(residues))
      routes[residue].microbatches.push_back(m);
  }
  return Placement::make(request.devices, std::move(routes));
}

static ErrorOr<Ordered> orderShared(const Request &request, const Placement &) {
  std::vector<int> first = firstDevices(request);
  Order result(request.devices);
  for (int stage = 0; stage + 1 < int(first.size()); ++stage) {
    int replicas = request.stageReplicas[stage], behind = request.devices - first[stage];
    for (int own = 0; own < replicas; ++own) {
      std::vector<Action> forwards, backwards;
      for (int m = own; m < request.microbatches; m += replicas) {
        forwards.push_back({Kind::F, false, stage, m});
        backwards.push_back({Kind::B, false, stage, m});
      }
      size_t underWay = size_t(behind + replicas - 1) / replicas;
      result[first[stage] + own] =
          takeTurns(forwards, backwards, std::min(underWay - 1, forwards.size()));
    }
  }
  return result;
}

static Family shared() {
  Family result{"pipedream-flush", "1F1B over stages that several devices share", 1,
                placeShared, orderShared};
  result.sharesStages = true;
  return result;
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
                 placeTwo),
          shared()};
}
