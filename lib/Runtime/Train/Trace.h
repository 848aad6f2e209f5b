//===- Trace.h - What each device really did ------------------------------===//

#ifndef BITPIPE_RUNTIME_TRAIN_TRACE_H
#define BITPIPE_RUNTIME_TRAIN_TRACE_H

#include "lib/Runtime/Train/Gathered.h"

namespace bitpipe {

/// Writes the recorded events in Chrome's JSON form, which Perfetto reads: one
/// track per device, on it steps around runs around calls, and an arrow from
/// every send to the run that needs the tensor. Without a step there are none.
/// With predicted events, by device too, each has a second track below its own.
void writeTrace(const std::string &path, const Program &program,
                const std::vector<DeviceTrace> &traces,
                const std::vector<DeviceTrace> &predicted = {});

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRAIN_TRACE_H
