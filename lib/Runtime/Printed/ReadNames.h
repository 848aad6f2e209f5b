//===- ReadNames.h - What a plan calls its blocks and slots --------------------===//

#ifndef BITPIPE_RUNTIME_PRINTED_READNAMES_H
#define BITPIPE_RUNTIME_PRINTED_READNAMES_H

#include "lib/Runtime/Printed/Print.h"

#include "mlir/IR/BuiltinOps.h"

namespace bitpipe::printed {

/// Of a plan that has been read as a Program.
PlanNames readNames(mlir::ModuleOp module);

} // namespace bitpipe::printed

#endif // BITPIPE_RUNTIME_PRINTED_READNAMES_H
