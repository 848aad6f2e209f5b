//===- LoadCalls.h - The calls of a routine -------------------------------===//

#ifndef BITPIPE_RUNTIME_PLAN_LOADCALLS_H
#define BITPIPE_RUNTIME_PLAN_LOADCALLS_H

#include "lib/Runtime/Plan/Program.h"

namespace mlir {
class Operation;
}

namespace bitpipe {

/// What an operation of a pipe.routine calls; nothing if it is no call.
std::optional<Call> readCall(mlir::Operation &op);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_PLAN_LOADCALLS_H
