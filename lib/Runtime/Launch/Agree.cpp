//===- Agree.cpp - What fails on one rank fails on all ----------------------===//

#include "lib/Runtime/Launch/Agree.h"

#include <algorithm>

using namespace bitpipe;

std::string bitpipe::gatherErrors(World &world, const std::string &mine) {
  std::vector<std::string> errors = world.allGather(mine);
  std::string text;
  for (size_t rank = 0; rank < errors.size(); ++rank) {
    const std::string &error = errors[rank];
    if (error.empty() ||
        std::find(errors.begin(), errors.begin() + rank, error) !=
            errors.begin() + rank)
      continue;
    auto same = std::ranges::count(errors, error);
    bool all = same == std::ptrdiff_t(errors.size());
    text += (text.empty() ? "" : "\n") +
            (all ? error : "rank " + std::to_string(rank) + ": " + error);
  }
  return text;
}
