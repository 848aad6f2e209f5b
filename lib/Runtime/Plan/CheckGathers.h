//===- CheckGathers.h - What is gathered of slices in part ------------------===//

#ifndef BITPIPE_RUNTIME_PLAN_CHECKGATHERS_H
#define BITPIPE_RUNTIME_PLAN_CHECKGATHERS_H

#include "lib/Runtime/Plan/Program.h"

namespace bitpipe {

/// Where a device gathers some elements of slices: ranges that follow each other, slots that hold
/// them, and copies in bf16 where what is loaded and stepped is rounded to. Throws a UserError
/// otherwise. The rest of what checkDevice checks must hold.
void checkGathers(const Program &program, size_t device);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_PLAN_CHECKGATHERS_H
