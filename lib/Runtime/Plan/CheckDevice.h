//===- CheckDevice.h - What the executor relies on of one device ----------===//

#ifndef BITPIPE_RUNTIME_PLAN_CHECKDEVICE_H
#define BITPIPE_RUNTIME_PLAN_CHECKDEVICE_H

#include "lib/Runtime/Plan/Program.h"

namespace bitpipe {

/// The part of checkProgram about a device: its slots lie in the arena, its residents
/// and instructions in their slots. Stages are numbered from 0 to below `stages`.
void checkDevice(const Program &program, size_t number, int64_t stages);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_PLAN_CHECKDEVICE_H
