//===- CheckWhole.h - What is there for a part of a step ------------------===//

#ifndef BITPIPE_RUNTIME_PLAN_CHECKWHOLE_H
#define BITPIPE_RUNTIME_PLAN_CHECKWHOLE_H

#include "lib/Runtime/Plan/Program.h"

namespace bitpipe {

/// Where a device keeps slices alone: in the memory that slots share runs read what was
/// gathered, received or made by a run, and add gradients to what was cleared, before the sum
/// of it; nothing else has written to that memory meanwhile. Throws a UserError otherwise.
void checkWhole(const Program &program, size_t device);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_PLAN_CHECKWHOLE_H
