//===- ChimeraGroup.cpp - Chimera's order of D micro-batches ---------------===//
//
// A device holds two stages, one of each pipe. It runs its own forwards, those
// of the other pipe as they come, and the backwards the same way back.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Families/Shared/ChimeraGroup.h"

#include "lib/Transforms/Schedule/Families/Shared/BitPipeGroup.h"
#include "lib/Transforms/Schedule/Families/Shared/TakeTurns.h"

#include <algorithm>

using namespace bitpipe::schedule;

std::vector<Action> bitpipe::schedule::chimeraGroup(int devices, int rank,
                                                    int first) {
  int half = devices / 2, n = ownFirst(devices, rank);
  bool lower = rank < half;
  // The pipe that enters on this side, and the other one.
  int stages[2] = {lower ? rank : devices - 1 - rank,
                   lower ? devices - 1 - rank : rank};
  int starts[2] = {first + (lower ? 0 : half), first + (lower ? half : 0)};
  auto pass = [&](Kind kind, int before, int after) {
    std::vector<Action> list;
    int next[2] = {starts[0], starts[1]};
    auto add = [&](int pipe) {
      list.push_back({kind, false, stages[pipe], next[pipe]++});
    };
    for (int i = 0; i < n; ++i)
      add(before);
    for (int i = n; i < half; ++i) {
      add(after);
      add(before);
    }
    for (int i = 0; i < n; ++i)
      add(after);
    return list;
  };
  auto forwards = pass(Kind::F, 0, 1), backwards = pass(Kind::B, 1, 0);
  size_t ahead = half + std::min(rank, devices - 1 - rank);
  return takeTurns(forwards, backwards, ahead);
}
