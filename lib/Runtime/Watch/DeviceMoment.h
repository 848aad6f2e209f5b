//===- DeviceMoment.h - Where a device is -------------------------------------===//
//
// A device whose thread does its work tells by itself (Execute/Status.h). The thread of a GPU
// is ahead of it: where that is, is found from what has come to it.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_WATCH_DEVICEMOMENT_H
#define BITPIPE_RUNTIME_WATCH_DEVICEMOMENT_H

#include "lib/Runtime/Execute/Executor.h"
#include "lib/Runtime/Watch/RankStatus.h"

namespace bitpipe {

/// Of a device of this process, by any thread. A GPU is taken to wait for the first thing
/// that has not come to it, though it may be computing yet what lies before.
DeviceMoment momentOf(const Executor &executor, const Program &program, const Links &links,
                      int64_t device);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_WATCH_DEVICEMOMENT_H
