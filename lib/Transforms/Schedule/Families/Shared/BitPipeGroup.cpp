//===- BitPipeGroup.cpp - BitPipe's order of D micro-batches ---------------===//
//
// A device holds four stages, two of each V: slot 0 is stage r going down,
// 1 stage D-1-r going up, 2 stage 2D-1-r going down, 3 stage D+r going up. The
// order is a list of slots; every mention of a slot takes its next micro-batch.
// Devices of the lower half are the mirror image: what goes down there goes up
// here.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Families/Shared/BitPipeGroup.h"

#include "lib/Transforms/Schedule/Families/Shared/TakeTurns.h"

#include <algorithm>

using namespace bitpipe::schedule;

int bitpipe::schedule::ownFirst(int devices, int rank) {
  return std::max(devices / 2 - rank, rank - devices / 2 + 1);
}

static void repeat(std::vector<int> &slots, int times,
                   std::initializer_list<int> what) {
  for (int i = 0; i < times; ++i)
    slots.insert(slots.end(), what);
}

/// The forwards, in order: own first chunks, first chunks of both directions,
/// own second chunks as they come back.
static std::vector<int> forwardSlots(int half, int n, int h) {
  std::vector<int> slots;
  repeat(slots, n, {h});
  repeat(slots, half - n, {1 - h, h});
  repeat(slots, n, {1 - h, 3 - h});
  repeat(slots, half - n, {2 + h, 3 - h});
  repeat(slots, n, {2 + h});
  return slots;
}

/// The backwards, in order: the forwards' way back.
static std::vector<int> backwardSlots(int half, int n, int h) {
  std::vector<int> slots;
  repeat(slots, n, {2 + h});
  repeat(slots, half - n, {3 - h, 2 + h});
  repeat(slots, n, {3 - h, 1 - h});
  repeat(slots, half - n, {h, 1 - h});
  repeat(slots, n, {h});
  return slots;
}

/// Slots become actions: each mention of a slot is its next micro-batch.
static std::vector<Action> actions(Kind kind, const std::vector<int> &slots,
                                   int devices, int rank, int first) {
  int stages[4] = {rank, devices - 1 - rank, 2 * devices - 1 - rank,
                   devices + rank};
  int next[4] = {first, first + devices / 2, first, first + devices / 2};
  std::vector<Action> result;
  for (int slot : slots)
    result.push_back({kind, false, stages[slot], next[slot]++});
  return result;
}

std::vector<Action> bitpipe::schedule::bitPipeGroup(int devices, int rank,
                                                    int first) {
  int half = devices / 2, h = rank < half ? 0 : 1, n = ownFirst(devices, rank);
  auto forwards =
      actions(Kind::F, forwardSlots(half, n, h), devices, rank, first);
  auto backwards =
      actions(Kind::B, backwardSlots(half, n, h), devices, rank, first);
  size_t ahead = devices + half + std::min(rank, devices - 1 - rank);
  return takeTurns(forwards, backwards, ahead);
}

Order bitpipe::schedule::concatenate(
    int devices, int microbatches, int size,
    const std::function<std::vector<Action>(int rank, int first)> &groupOf) {
  return everyRank(devices, [&](int rank) {
    int own = ownFirst(devices, rank) * (size / devices);
    std::vector<Action> list;
    for (int first = 0; first < microbatches; first += size) {
      std::vector<Action> group = groupOf(rank, first);
      auto at = list.empty() ? list.end() : list.end() - own;
      list.insert(at, group.begin(), group.begin() + own);
      list.insert(list.end(), group.begin() + own, group.end());
    }
    return list;
  });
}
