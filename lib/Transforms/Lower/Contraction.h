//===- Contraction.h - linalg.generic as a matrix product ------------------===//
//
// Recognises contractions and brings them into the form of the vendor's matrix
// product: batch dimensions, m, n and k with one stride per operand each.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_LOWER_CONTRACTION_H
#define BITPIPE_TRANSFORMS_LOWER_CONTRACTION_H

#include "lib/Transforms/Lower/Place.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace bitpipe::lower {

/// The factor of c = init + alpha * a * b if the operation is a contraction of two
/// tensors of f32, or of bf16 into either, with at least one row or column dimension of its own and
/// one that is summed over.
std::optional<double> matchContraction(mlir::linalg::GenericOp op);

/// The tensor that a linalg.generic spreads over its result without computing
/// anything, but that it may round it to bf16; null if it is no such operation.
mlir::Value broadcastSource(mlir::Operation *op);

/// A matrix product as pipe.matmul has it.
struct MatmulForm {
  bool swapped = false; // a and b change places: the transposed product
  llvm::SmallVector<int64_t> sizes, a, b, c;
};

/// Why a contraction has no form on the given places.
enum class Misfit { None, A, B, C, Bias, Sum };

/// Strides of operand places in the order of a contraction's loops. `bias` is
/// empty or has one stride per loop.
struct LoopStrides {
  llvm::SmallVector<int64_t> sizes, a, b, c, bias;
};

/// Strides of a dense copy of operand 0 (a), 1 (b) or 2 (c) that always fits:
/// [batch..., m..., k...], [batch..., k..., n...] and [batch..., m..., n...],
/// for a and b in the order in which the dimensions lie in `c`.
llvm::SmallVector<int64_t> packedStrides(mlir::linalg::GenericOp op,
                                         unsigned operand, const Place &c);

LoopStrides loopStrides(mlir::linalg::GenericOp op, const Place &a,
                        const Place &b, const Place &c);

/// Adds the strides of a vector that a linalg.generic broadcasts into the
/// contraction's init.
void addBias(LoopStrides &strides, mlir::linalg::GenericOp contraction,
             mlir::linalg::GenericOp broadcast, const Place &source);

/// Merges dimensions and chooses m, n and k. A misfit names what has to be
/// copied into a packed place (A, B, C), or done without (Bias); Sum asks for
/// packed copies of both a and b.
Misfit formMatmul(const LoopStrides &loops, MatmulForm &form);

} // namespace bitpipe::lower

#endif // BITPIPE_TRANSFORMS_LOWER_CONTRACTION_H
