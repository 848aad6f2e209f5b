//===- schedule-numbers.h - What a program must compute ------------*- C++ -*-===//
//
// A number for every tensor, from which those follow that are made of it: what the programs
// of schedule-machine.h come to is compared with it.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TEST_UNIT_SCHEDULE_NUMBERS_H
#define BITPIPE_TEST_UNIT_SCHEDULE_NUMBERS_H

#include "lib/Transforms/Schedule/Core/Schedule.h"

#include <algorithm>

namespace bitpipe::schedule {

using Value = uint64_t;

inline Value mix(Value a, Value b) {
  Value x = a * 0x9e3779b97f4a7c15ull + b + 0x7f4a7c159e3779b9ull;
  x ^= x >> 29;
  return x * 0xbf58476d1ce4e5b9ull;
}

inline Value firstWeights(int stage) { return mix(stage, 77); }

/// With updates between micro-batches: what a stage reads for a micro-batch.
inline int versionFor(const Placement &placement, int stage, int m) {
  const Updates &updates = placement.updates();
  return std::max(0, m / updates.every + 1 - updates.versions[stage]);
}

/// Adds a micro-batch's gradient of every stage; `weigh` is what a stage's weights make of a
/// value.
template <typename Weigh>
void addGradients(std::vector<Value> &sums, int m, Weigh weigh) {
  std::vector<Value> forward;
  for (int stage = 0; stage < int(sums.size()); ++stage)
    forward.push_back(weigh(stage, mix(stage ? forward.back() : Value(m), stage)));
  Value gradient = 1;
  for (int stage = int(sums.size()); stage-- > 0;)
    sums[stage] += gradient = weigh(stage, mix(forward[stage], gradient));
}

/// Where weights are the same for all micro-batches.
inline std::vector<Value> sumsOfGradients(const Placement &placement) {
  std::vector<Value> sums(placement.stages());
  for (int m = 0; m < placement.microbatches(); ++m)
    addGradients(sums, m, [](int, Value value) { return value; });
  return sums;
}

/// By stage: one group of micro-batches after the other, each stage with its version. Parameters
/// belong to sets of stages, which take all gradients of these.
inline std::vector<std::vector<Value>>
versionsOfWeights(const Placement &placement, const std::vector<std::vector<int>> &groups) {
  int stages = placement.stages(), every = placement.updates().every;
  std::vector<std::vector<Value>> weights;
  for (int stage = 0; stage < stages; ++stage)
    weights.push_back({firstWeights(stage)});
  for (int first = 0; first < placement.microbatches(); first += every) {
    std::vector<Value> sums(stages);
    for (int m = first; m < first + every; ++m)
      addGradients(sums, m, [&](int stage, Value value) {
        return mix(value, weights[stage][versionFor(placement, stage, m)]);
      });
    for (int stage = 0; stage < stages; ++stage)
      weights[stage].push_back(weights[stage].back());
    for (const std::vector<int> &group : groups) {
      Value total = 0;
      for (int stage : group)
        total += sums[stage];
      for (int stage : group)
        weights[stage].back() = mix(weights[stage].back(), total);
    }
  }
  return weights;
}

} // namespace bitpipe::schedule

#endif // BITPIPE_TEST_UNIT_SCHEDULE_NUMBERS_H
