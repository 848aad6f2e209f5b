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

static std::vector<Request> everyReplicas(const Request &request) {
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

static std::vector<Request> everyFamily(const Request &request) {
  std::vector<Request> result;
  for (const Family &family : families()) {
    if (family.updatesBetween || family.sharesStages)
      continue; // Other numbers are trained, or a cut into other stages is wanted.
    result.push_back(request);
    result.back().pipeline = family.name;
  }
  return result;
}

static std::vector<Request> everyChunks(const Request &request) {
  if (request.chunks)
    return {request};
  std::vector<int> counts(std::begin(triedChunks), std::end(triedChunks));
  int own = (*familyNamed(request.pipeline))->chunks;
  if (std::find(counts.begin(), counts.end(), own) == counts.end())
    counts.push_back(own);
  std::vector<Request> result;
  for (int chunks : counts) {
    result.push_back(request);
    result.back().chunks = chunks;
  }
  return result;
}

/// Recomputation takes time, and gives memory alone.
static std::vector<Request> everyRecomputation(const Request &request) {
  if (!request.recompute.empty() || request.costs.memory.empty())
    return {request};
  std::vector<Request> result;
  for (const char *stages : {"none", "all"}) {
    result.push_back(request);
    result.back().recompute = stages;
  }
  return result;
}

std::vector<Request> bitpipe::schedule::combinations(const Request &request) {
  std::vector<Request> result = {request};
  for (auto dimension :
       {everyReplicas, everyFamily, everyChunks, everyRecomputation}) {
    std::vector<Request> more;
    for (const Request &one : result)
      for (Request &value : dimension(one))
        more.push_back(std::move(value));
    result = std::move(more);
  }
  return result;
}
