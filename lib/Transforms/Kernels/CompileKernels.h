//===- CompileKernels.h - What compiling for every target begins and ends with -===//

#ifndef BITPIPE_TRANSFORMS_KERNELS_COMPILEKERNELS_H
#define BITPIPE_TRANSFORMS_KERNELS_COMPILEKERNELS_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

namespace bitpipe {

/// The nested module of kernels; reports its absence, and that of a file to write.
mlir::FailureOr<mlir::ModuleOp> findKernels(mlir::ModuleOp module, llvm::StringRef output);

/// Checks that the module holds nothing but kernels this phase can compile.
mlir::LogicalResult verifyKernels(mlir::ModuleOp kernels);

/// Turns an error of LLVM's kind into a diagnostic, and fails.
mlir::LogicalResult reportError(mlir::ModuleOp kernels, llvm::Error error);

/// Writes the file and its hash into `pipe.training`, if there is one.
mlir::LogicalResult nameKernels(mlir::ModuleOp module, llvm::StringRef output);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_KERNELS_COMPILEKERNELS_H
