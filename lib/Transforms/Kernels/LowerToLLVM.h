//===- LowerToLLVM.h - Kernels in the LLVM dialect -------------------------===//
//
// The calling convention of kernels is made here.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_KERNELS_LOWERTOLLVM_H
#define BITPIPE_TRANSFORMS_KERNELS_LOWERTOLLVM_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir {
class LLVMTypeConverter;
} // namespace mlir

namespace bitpipe {

/// Converts functions of loops on static buffers, and whatever `addPatterns` knows of, to
/// the LLVM dialect. A function takes a bare pointer per buffer.
using AddPatterns =
    llvm::function_ref<void(const mlir::LLVMTypeConverter &, mlir::RewritePatternSet &)>;
mlir::LogicalResult lowerToLLVM(mlir::ModuleOp module, AddPatterns addPatterns);

/// How many bytes a buffer reaches from its pointer on.
int64_t extentOf(mlir::MemRefType type);

/// Converts functions of loops on static buffers to the LLVM dialect. Function
/// `f` becomes `void f(void *const *args, int64_t begin, int64_t end)`, which loads
/// one pointer per argument and calls the body, whose arguments do not alias.
/// `f_extents` tells how far each argument reaches, `f_units` what can be shared
/// (see ABI.h).
mlir::LogicalResult lowerKernelsToLLVM(mlir::ModuleOp kernels);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_KERNELS_LOWERTOLLVM_H
