//===- SharedStages.cpp - Stages that several devices share -----------------===//

#include "lib/Transforms/Schedule/Families/Shared/SharedStages.h"

#include "lib/Transforms/Schedule/Core/Limits.h"
#include "lib/Transforms/Schedule/Families/Shared/TakeTurns.h"

#include <algorithm>
#include <numeric>

using namespace bitpipe::schedule;

ErrorOr<SharedStages> SharedStages::of(const Request &request) {
  if (request.chunks != 1)
    return Error{std::to_string(request.chunks) + " chunks, expected 1"};
  SharedStages result;
  result.replicas = request.stageReplicas;
  if (result.replicas.empty())
    result.replicas.assign(request.devices, 1);
  int64_t turns = 1, devices = 0;
  result.first = {0};
  for (int count : result.replicas) {
    if (count < 1)
      return Error{std::to_string(count) + " devices at a stage, expected 1 or more"};
    devices += count;
    turns = std::min<int64_t>(std::lcm(turns, int64_t(count)), mostMicrobatches);
    if (devices > request.devices)
      continue; // Told below.
    result.first.push_back(int(devices));
  }
  if (devices != request.devices)
    return Error{std::to_string(devices) + " devices at all stages, expected " +
                 std::to_string(request.devices)};
  result.turnCount = int(turns);
  return result;
}

static int roundedUp(int number, int by) { return (number + by - 1) / by; }

std::vector<int> SharedStages::underWay() const {
  std::vector<int> result;
  for (int stage = 0; stage < stages(); ++stage)
    result.push_back(roundedUp(first.back() - first[stage], replicas[stage]));
  return result;
}

std::vector<int> SharedStages::underWayBesideSums() const {
  std::vector<int> result(stages());
  for (int stage = stages(), waiting = 0; stage-- > 0;) {
    int own = replicas[stage];
    if (stage + 1 < stages())
      waiting += own + replicas[stage + 1] - 2 * std::gcd(own, replicas[stage + 1]);
    result[stage] = roundedUp(first.back() - first[stage] + waiting, own);
  }
  return result;
}

ErrorOr<Placement> SharedStages::place(int microbatches) const {
  if (microbatches % turnCount)
    return Error{std::to_string(microbatches) + " micro-batches, expected a multiple of " +
                 std::to_string(turnCount) + ", so that all devices of a stage have as many"};
  std::vector<Route> routes(turnCount);
  for (int residue = 0; residue < turnCount; ++residue) {
    for (int stage = 0; stage < stages(); ++stage)
      routes[residue].devices.push_back(first[stage] + residue % replicas[stage]);
    for (int m = residue; m < microbatches; m += turnCount)
      routes[residue].microbatches.push_back(m);
  }
  return Placement::make(first.back(), std::move(routes));
}

Order SharedStages::order(int microbatches, const std::vector<int> &underWay) const {
  Order result(first.back());
  for (int stage = 0; stage < stages(); ++stage)
    for (int own = 0; own < replicas[stage]; ++own) {
      auto all = [&](Kind kind) {
        return ascending(kind, stage, microbatches, own, replicas[stage]);
      };
      std::vector<Action> forwards = all(Kind::F);
      result[first[stage] + own] = takeTurns(
          forwards, all(Kind::B), std::min(size_t(underWay[stage] - 1), forwards.size()));
    }
  return result;
}

void bitpipe::schedule::noteUpdates(const Request &request, Schedule &schedule) {
  const Placement &placement = schedule.placement;
  bool isShared = placement.routes().size() > 1;
  if (!placement.updates() || request.updateEvery || !request.order.empty() || !isShared)
    return;
  schedule.note += (schedule.note.empty() ? "" : "; ") + std::string("updates after every ") +
                   std::to_string(placement.updates().every) +
                   " micro-batches, of which all devices of a stage have as many";
}
