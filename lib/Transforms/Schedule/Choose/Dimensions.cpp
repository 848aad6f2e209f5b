//===- Dimensions.cpp - What can be chosen ---------------------------------===//
//
// A dimension is a function that gives the request with each of its values; a further
// one is a further row of the table.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Choose/Dimensions.h"

#include <algorithm>

using namespace bitpipe::schedule;

/// Numbers of stages per device and direction. More of them idle less and send more.
static constexpr int triedChunks[] = {1, 2, 4};

static std::vector<Request> everyReplicas(const Request &request, const Scope &) {
  if (request.replicas)
    return {request};
  std::vector<Request> result;
  for (int replicas = 1; replicas <= request.devices; ++replicas) {
    if (request.devices % replicas || request.microbatches % replicas)
      continue;
    result.push_back(request);
    result.back().replicas = replicas;
  }
  return result;
}

static std::vector<Request> everyFamily(const Request &request, const Scope &scope) {
  std::vector<Request> result;
  for (const Family &family : families()) {
    if (family.updatesBetween || family.sharesStages)
      continue; // Other numbers are trained, or a cut into other stages is wanted.
    if (scope.isDefault && !family.isDefault)
      continue;
    result.push_back(request);
    result.back().pipeline = family.name;
  }
  return result;
}

static std::vector<Request> everyChunks(const Request &request, const Scope &scope) {
  if (request.chunks)
    return {request};
  int own = (*familyNamed(request.pipeline))->chunks;
  std::vector<int> counts = {own};
  for (int chunks : triedChunks)
    if (!scope.isDefault && chunks != own)
      counts.push_back(chunks);
  std::sort(counts.begin(), counts.end());
  std::vector<Request> result;
  for (int chunks : counts) {
    result.push_back(request);
    result.back().chunks = chunks;
  }
  return result;
}

/// Recomputation takes time, and gives memory alone.
static std::vector<Request> everyRecomputation(const Request &request, const Scope &scope) {
  if (scope.isDefault || !request.recompute.empty() || !scope.limitsMemory(request))
    return {request};
  std::vector<Request> result;
  for (const char *stages : {"none", "all"}) {
    result.push_back(request);
    result.back().recompute = stages;
  }
  return result;
}

/// Whether a sharded optimizer may save time: for updates, or by memory that an order is
/// searched for. Else it gives memory alone.
static bool shardingSavesTime(const Request &request) {
  return request.costs.hasUpdates() || !request.costs.memory.empty();
}

static std::vector<Request> everySharding(const Request &request, const Scope &scope) {
  if (!scope.choosesSharding || !shardingSavesTime(request))
    return {request};
  Request sharded = request;
  sharded.shard = Shard::Optimizer;
  return {request, sharded};
}

std::vector<Request> bitpipe::schedule::combinations(const Request &request,
                                                     const Scope &scope) {
  std::vector<Request> result = {request};
  for (auto dimension :
       {everyReplicas, everyFamily, everyChunks, everyRecomputation, everySharding}) {
    std::vector<Request> more;
    for (const Request &one : result)
      for (Request &value : dimension(one, scope))
        more.push_back(std::move(value));
    result = std::move(more);
  }
  return result;
}

std::vector<Request> bitpipe::schedule::memorySavers(const Request &request,
                                                     const Placement &placement,
                                                     const Scope &scope) {
  std::vector<Request> result;
  if (request.balance)
    return result;
  bool isTried = request.isSharded() || shardingSavesTime(request);
  if (scope.choosesSharding && !isTried && holdsTwice(placement)) {
    result.push_back(request);
    result.back().shard = Shard::Optimizer;
  }
  if (scope.choosesBalance && request.recompute != "all" && placement.devices() > 1) {
    result.push_back(request);
    result.back().balance = true;
  }
  return result;
}
