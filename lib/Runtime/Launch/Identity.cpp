//===- Identity.cpp - Do all ranks run the same thing -----------------------===//

#include "lib/Runtime/Launch/Identity.h"

#include "lib/Runtime/Launch/Agree.h"
#include "lib/Runtime/Transport/Packing.h"

using namespace bitpipe;

void bitpipe::checkIdentity(World &world, const Identity &mine) {
  std::vector<std::string> values;
  for (auto &[what, value] : mine)
    values.push_back(value);
  std::vector<std::string> all = world.allGather(packed(values));
  std::vector<std::string> expected = *unpacked(all[0]);
  for (size_t rank = 1; rank < all.size(); ++rank) {
    std::vector<std::string> got = *unpacked(all[rank]);
    for (size_t i = 0; i < got.size(); ++i)
      if (got[i] != expected[i])
        throw AgreedError(joined("error: rank ", rank, " has another ",
                                 mine[i].first, " than rank 0: ", got[i],
                                 ", expected ", expected[i]));
  }
}
