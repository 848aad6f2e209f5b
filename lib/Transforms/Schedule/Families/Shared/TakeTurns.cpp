//===- TakeTurns.cpp - Lists of devices, and forwards and backwards in turn ---===//

#include "lib/Transforms/Schedule/Families/Shared/TakeTurns.h"

using namespace bitpipe::schedule;

std::vector<Action> bitpipe::schedule::ascending(Kind kind, int stage, int count, int first,
                                                 int step) {
  std::vector<Action> list;
  for (int m = first; m < count; m += step)
    list.push_back({kind, false, stage, m});
  return list;
}

std::vector<Action>
bitpipe::schedule::takeTurns(const std::vector<Action> &forwards,
                             const std::vector<Action> &backwards,
                             size_t ahead, size_t delay) {
  std::vector<Action> list;
  size_t count = forwards.size(), weights = 0;
  auto weight = [&](size_t until) {
    for (; weights < until && backwards[weights].kind == Kind::I; ++weights) {
      list.push_back(backwards[weights]);
      list.back().kind = Kind::W;
    }
  };
  for (size_t i = 0; i < count + ahead; ++i) {
    if (i < count)
      list.push_back(forwards[i]);
    if (i >= ahead)
      list.push_back(backwards[i - ahead]);
    if (i >= ahead + delay)
      weight(i + 1 - ahead - delay);
  }
  weight(count);
  return list;
}
