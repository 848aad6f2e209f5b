//===- Clocks.h - Times of other hosts on rank 0's clock --------------------===//

#ifndef BITPIPE_RUNTIME_LAUNCH_CLOCKS_H
#define BITPIPE_RUNTIME_LAUNCH_CLOCKS_H

#include "lib/Runtime/Execute/Recorder.h"
#include "lib/Runtime/Launch/World.h"

namespace bitpipe {

/// What to subtract from this rank's times to have rank 0's, to half of the
/// shortest round trip of some; 0 where all ranks are on one host. All ranks call
/// it.
Nanoseconds clockAhead(World &world);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_LAUNCH_CLOCKS_H
