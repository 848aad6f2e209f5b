//===- Check.h - What the executor relies on -------------------------------===//
//
// A plan is a text file that anybody may have edited. Everything that would
// make the executor read or write outside its memory is refused here, so that
// its loops need no checks. Each function throws a UserError.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_PLAN_CHECK_H
#define BITPIPE_RUNTIME_PLAN_CHECK_H

#include "lib/Runtime/Plan/Program.h"

namespace bitpipe {

class LoadedKernels;

/// Every slot lies in the arena, every place in its block, every block in its
/// slot, and so on. Nothing else may be done with a program before this.
void checkProgram(const Program &program);

/// The part of it about routines: what calls touch lies in their blocks, as far
/// as the plan tells.
void checkRoutines(const Program &program);

/// What kernels touch lies in their blocks, too: the library, which belongs to
/// the plan by its hash, tells how far each argument reaches.
void checkKernels(const Program &program, const LoadedKernels &library);

/// The same where the plan tells it, for GPUs.
void checkGPUKernels(const Program &program);

/// The weights and kernels beside the plan are those it was compiled with.
void checkFiles(const Program &program);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_PLAN_CHECK_H
