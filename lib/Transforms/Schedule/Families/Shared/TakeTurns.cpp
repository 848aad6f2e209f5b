//===- TakeTurns.cpp - One forward, one backward ---------------------------===//

#include "lib/Transforms/Schedule/Families/Shared/TakeTurns.h"

using namespace bitpipe::schedule;

std::vector<Action>
bitpipe::schedule::takeTurns(const std::vector<Action> &forwards,
                             const std::vector<Action> &backwards,
                             size_t ahead) {
  std::vector<Action> list;
  for (size_t i = 0; i < forwards.size() + ahead; ++i) {
    if (i < forwards.size())
      list.push_back(forwards[i]);
    if (i >= ahead)
      list.push_back(backwards[i - ahead]);
  }
  return list;
}

std::vector<Action>
bitpipe::schedule::takeTurnsSplit(const std::vector<Action> &forwards,
                                  const std::vector<Action> &inputGradients,
                                  size_t ahead, size_t delay) {
  std::vector<Action> list;
  size_t count = forwards.size(), weights = 0;
  auto weight = [&] {
    list.push_back(inputGradients[weights++]);
    list.back().kind = Kind::W;
  };
  for (size_t i = 0; i < count + ahead; ++i) {
    if (i < count)
      list.push_back(forwards[i]);
    if (i >= ahead)
      list.push_back(inputGradients[i - ahead]);
    if (i >= ahead + delay)
      weight();
  }
  while (weights < count)
    weight();
  return list;
}
