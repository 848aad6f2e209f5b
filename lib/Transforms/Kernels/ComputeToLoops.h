//===- ComputeToLoops.h - Loops for each family of operations --------------===//
//
// One function per operation: it emits the loops of an operation on buffers at
// the builder's place and leaves the operation itself alone.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_KERNELS_COMPUTETOLOOPS_H
#define BITPIPE_TRANSFORMS_KERNELS_COMPUTETOLOOPS_H

#include "lib/Transforms/Kernels/RowOperations.h"
#include "lib/Transforms/Kernels/VectorRows.h"

namespace bitpipe {

/// An operation whose rows are all there is to it.
template <typename Op> void emitLoops(mlir::OpBuilder &builder, Op op) {
  auto [element, buffers] = rowAccess(op);
  VectorRows e(builder, op.getLoc(), element, buffers);
  emitRows(e, op);
}
void emitLoops(mlir::OpBuilder &builder, pipe::LayerNormGradParamsOp op);
void emitLoops(mlir::OpBuilder &builder, pipe::GatherOp op);
void emitLoops(mlir::OpBuilder &builder, pipe::GatherGradOp op);
void emitLoops(mlir::OpBuilder &builder, pipe::CrossEntropyOp op);
void emitLoops(mlir::OpBuilder &builder, pipe::CrossEntropyGradOp op);

/// Reports a compute operation whose operands are not static buffers, of f32, f64 or
/// bf16 unless of integers.
mlir::LogicalResult verifyBuffers(mlir::Operation *op);

/// Replaces every compute operation below `root` by loops; reports those that
/// are not on static buffers of f32 or f64.
mlir::LogicalResult lowerComputeToLoops(mlir::Operation *root);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_KERNELS_COMPUTETOLOOPS_H
