//===- WriteWeights.h - Parameters into one safetensors file ---------------===//

#ifndef BITPIPE_TRANSFORMS_LOWER_WRITEWEIGHTS_H
#define BITPIPE_TRANSFORMS_LOWER_WRITEWEIGHTS_H

#include "mlir/IR/BuiltinOps.h"

namespace bitpipe {

/// Writes every pipe.parameter of the module into a new safetensors file under
/// its own name and returns the file's hash. The data is copied in pieces; the
/// file appears only when it is complete.
mlir::FailureOr<std::string> writeWeights(mlir::ModuleOp module,
                                          llvm::StringRef file);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_LOWER_WRITEWEIGHTS_H
