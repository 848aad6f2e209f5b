//===- PrintStages.h - The table of stages ---------------------------------===//

#ifndef BITPIPE_TRANSFORMS_PARTITION_PRINTSTAGES_H
#define BITPIPE_TRANSFORMS_PARTITION_PRINTSTAGES_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/raw_ostream.h"

namespace bitpipe {

/// Prints one line per stage of a module on level 1: its function, where in
/// the model it begins, its share of the cost, its parameters, and the bytes
/// it hands on per micro-batch.
void printStageReport(mlir::ModuleOp module, llvm::raw_ostream &out);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_PARTITION_PRINTSTAGES_H
