//===- Identity.h - Do all ranks run the same thing -------------------------===//

#ifndef BITPIPE_RUNTIME_LAUNCH_IDENTITY_H
#define BITPIPE_RUNTIME_LAUNCH_IDENTITY_H

#include "lib/Runtime/Launch/World.h"

namespace bitpipe {

/// What must be the same on all ranks, each with what it is called in messages.
using Identity = std::vector<std::pair<std::string, std::string>>;

/// Throws an AgreedError that names the first thing in which a rank
/// differs from rank 0. Every rank calls it with the same names.
void checkIdentity(World &world, const Identity &mine);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_LAUNCH_IDENTITY_H
