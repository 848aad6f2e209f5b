//===- LoadUpdates.h - What a device does with parameters ------------------===//

#ifndef BITPIPE_RUNTIME_PLAN_LOADUPDATES_H
#define BITPIPE_RUNTIME_PLAN_LOADUPDATES_H

#include "lib/Runtime/Plan/Program.h"

namespace mlir {
class Operation;
}

namespace bitpipe {

/// How an operation of a pipe.program sums gradients, gathers, updates, keeps or rounds weights;
/// nothing if it does none of these.
std::optional<Instruction> readUpdate(mlir::Operation &op);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_PLAN_LOADUPDATES_H
