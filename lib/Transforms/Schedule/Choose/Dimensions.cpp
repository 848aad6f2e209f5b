//===- Dimensions.cpp - What can be chosen ---------------------------------===//
//
// A dimension is a function that gives the request with each of its values; a further
// one is a further row of the table.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Choose/Dimensions.h"

#include "lib/Transforms/Schedule/Core/Limits.h"

#include <algorithm>

using namespace bitpipe::schedule;

/// Numbers of stages per device and direction. More of them idle less and send more.
static constexpr int triedChunks[] = {1, 2, 4};

/// How many there are of each size follows from the batch.
static std::vector<Request> everySize(const Request &request, const Scope &scope) {
  if (scope.sizes.empty())
    return {request};
  std::vector<Request> result;
  for (auto [samples, efficiency] : scope.sizes) {
    if (scope.batch / samples > mostMicrobatches)
      continue;
    Request &sized = result.emplace_back(request);
    sized.microbatches = scope.batch / samples;
    sized.samples = samples;
    sized.efficiency = efficiency;
  }
  return result;
}

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

/// Whether slices may save time: for updates, or by memory that an order is
/// searched for. Else they give memory alone.
static bool shardingSavesTime(const Request &request) {
  return request.costs.hasUpdates() || !request.costs.memory.empty();
}

static std::vector<Request> everySharding(const Request &request, const Scope &scope) {
  std::vector<Request> result = {request};
  if (!shardingSavesTime(request))
    return result;
  for (Shard shard : {Shard::Optimizer, Shard::Gradients, Shard::Parameters})
    if (shard <= scope.mostSharded) {
      result.push_back(request);
      result.back().shard = shard;
    }
  return result;
}

std::vector<Request> bitpipe::schedule::combinations(const Request &request,
                                                     const Scope &scope) {
  std::vector<Request> result = {request};
  for (auto dimension :
       {everySize, everyReplicas, everyFamily, everyChunks, everyRecomputation, everySharding}) {
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
  // What is a little larger in slices comes when that does not fit.
  Shard more = Shard(std::min(int(request.shard) + 1, int(Shard::Parameters)));
  if (more > request.shard && more <= scope.mostSharded && !shardingSavesTime(request) &&
      sharesAny(placement, more)) {
    result.push_back(request);
    result.back().shard = more;
  }
  bool moves = (*familyNamed(request.pipeline))->movesActivations;
  if (scope.choosesBalance && !moves && request.recompute != "all" && placement.devices() > 1) {
    result.push_back(request);
    result.back().balance = true;
  }
  return result;
}
