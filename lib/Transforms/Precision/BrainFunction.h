//===- BrainFunction.h - A function anew, with its types decided -----------===//

#ifndef BITPIPE_TRANSFORMS_PRECISION_BRAINFUNCTION_H
#define BITPIPE_TRANSFORMS_PRECISION_BRAINFUNCTION_H

#include "lib/Transforms/Precision/Storage.h"

namespace bitpipe {

/// Makes the function whose arguments, results and tensors have the types that
/// `storage` says. It takes copies in bf16 of the arguments `copied` behind all
/// arguments.
mlir::func::FuncOp makeBrainFunction(mlir::func::FuncOp function,
                                     llvm::ArrayRef<Passed> arguments,
                                     llvm::ArrayRef<Passed> results,
                                     llvm::ArrayRef<unsigned> copied, const Storage &storage);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_PRECISION_BRAINFUNCTION_H
