//===- GroupWave.cpp - Groups of micro-batches on two opposite V -----------===//

#include "lib/Transforms/Schedule/Search/GroupWave.h"

#include <algorithm>
#include <cmath>

using namespace bitpipe::schedule;

namespace {
/// The slots, counted from 0, in which a micro-batch passes the middle devices.
struct Passes {
  double first, second, secondGradient, firstGradient;
};
} // namespace

bool bitpipe::schedule::hasGroups(const Problem &problem) {
  const Placement &placement = problem.placement;
  int devices = placement.devices();
  if (problem.split || placement.routes().size() != 2 || devices % 2 ||
      placement.stages() != 2 * devices)
    return false;
  const Route &one = placement.routes()[0], &other = placement.routes()[1];
  for (int stage = 0; stage < 2 * devices; ++stage)
    if (one.devices[stage] != one.devices[2 * devices - 1 - stage] ||
        other.devices[stage] != devices - 1 - one.devices[stage] ||
        (stage + 1 < devices &&
         std::abs(one.devices[stage] - one.devices[stage + 1]) != 1))
      return false;
  // By value: std::minmax of two temporaries would refer to them.
  auto [fewer, more] =
      std::minmax({one.microbatches.size(), other.microbatches.size()});
  return more - fewer <= 1 && 2 * fewer > size_t(devices);
}

/// The second pass of a direction takes the slots behind the first pass of the
/// other one.
static std::vector<Passes> passesOf(const Groups &groups, int route, int half) {
  const std::vector<int> &own = groups.sizes[route];
  const std::vector<int> &other = groups.sizes[1 - route];
  std::vector<Passes> passes;
  int at = 0;
  for (size_t group = 0; group < own.size(); ++group) {
    bool isFull = group == 0 || own[group] >= half;
    double firstSpread = isFull ? 1 : groups.firstSpread;
    double secondSpread = isFull ? 1 : groups.secondSpread;
    double first = at - (isFull ? 0 : groups.early * (half - own[group]));
    double second = at + other[group];
    for (int i = 0; i < own[group]; ++i)
      passes.push_back({first + i * firstSpread, second + i * secondSpread,
                        second + i + half, 0});
    at += own[group] + other[group];
  }
  size_t next = 0;
  at = 3 * half;
  for (size_t group = 1; group < own.size(); ++group) {
    for (int i = 0; i < own[group]; ++i)
      passes[next++].firstGradient = at + i;
    at += own[group] + other[group];
  }
  while (next < passes.size())
    passes[next++].firstGradient = at++;
  return passes;
}

/// A stream moves by half a slot from device to device. From the first time in
/// the middle to the second a micro-batch goes evenly.
static double forwardSlot(const Passes &passes, int stage, int half,
                          double approach) {
  int hops = stage - (half - 1);
  double slots = passes.second - passes.first;
  if (hops < 0)
    return passes.first + (slots < half ? approach : 1) * hops / 2;
  if (hops <= 2 * half)
    return passes.first + slots * hops / (2 * half);
  return passes.second + (hops - 2 * half) / 2.0;
}

static double backwardSlot(const Passes &passes, int stage, int half) {
  int hops = 3 * half - stage;
  return hops <= half ? passes.secondGradient + hops / 2.0
                      : passes.firstGradient + (hops - 2 * half) / 2.0;
}

Priorities bitpipe::schedule::groupWave(const Problem &problem,
                                        const Groups &groups) {
  Tasks tasks(problem);
  Priorities result(tasks.count());
  int half = problem.placement.devices() / 2;
  for (int route = 0; route < 2; ++route) {
    std::vector<Passes> all = passesOf(groups, route, half);
    for (size_t i = 0; i < all.size(); ++i)
      for (int stage = 0; stage < 4 * half; ++stage) {
        int m = problem.placement.routes()[route].microbatches[i];
        result[tasks.index(Kind::F, stage, m)] =
            forwardSlot(all[i], stage, half, groups.approach) + groups.behind;
        result[tasks.index(Kind::B, stage, m)] =
            backwardSlot(all[i], stage, half);
      }
  }
  return result;
}
