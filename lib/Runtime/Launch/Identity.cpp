//===- Identity.cpp - Do all ranks run the same thing -----------------------===//

#include "lib/Runtime/Launch/Identity.h"

#include "lib/Runtime/Launch/Agree.h"

using namespace bitpipe;

void bitpipe::checkIdentity(World &world, const Identity &mine) {
  for (auto &[what, value] : mine) {
    std::vector<std::string> values = world.allGather(value);
    for (size_t rank = 1; rank < values.size(); ++rank)
      if (values[rank] != values[0])
        throw AgreedError(joined("error: rank ", rank, " has another ", what,
                                 " than rank 0: ", values[rank], ", expected ",
                                 values[0]));
  }
}
