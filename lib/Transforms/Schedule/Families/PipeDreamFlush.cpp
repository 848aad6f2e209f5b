//===- PipeDreamFlush.cpp - 1F1B over stages that several devices share -----===//
//
// Narayanan et al., Memory-Efficient Pipeline-Parallel DNN Training, 2020: 1F1B with one
// version of the weights. Where each stage has one device it is `1f1b`, and has a name here for
// stages that several devices share: they take micro-batches in turn, and a device has the devices
// from its stage on, divided by those of the stage and rounded up, under way.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Core/Limits.h"
#include "lib/Transforms/Schedule/Families/Shared/Registry.h"
#include "lib/Transforms/Schedule/Families/Shared/TakeTurns.h"

#include <algorithm>
#include <numeric>

using namespace bitpipe::schedule;

/// The first device of each stage, and behind them their number.
static std::vector<int> firstDevices(const Request &request) {
  std::vector<int> first{0};
  for (int replicas : request.stageReplicas)
    first.push_back(first.back() + replicas);
  return first;
}

/// A route for every residue of the micro-batches.
static ErrorOr<Placement> place(const Request &request) {
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

static ErrorOr<Ordered> order(const Request &request, const Placement &) {
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

std::vector<Family> bitpipe::schedule::file::PipeDreamFlush() {
  Family result{"pipedream-flush", "1F1B over stages that several devices share", 1, place,
                order};
  result.sharesStages = true;
  return {result};
}
