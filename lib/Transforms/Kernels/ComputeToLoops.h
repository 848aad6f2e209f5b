//===- ComputeToLoops.h - Loops for each family of operations --------------===//
//
// One function per operation: it emits the loops of an operation on buffers at
// the builder's place and leaves the operation itself alone.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_KERNELS_COMPUTETOLOOPS_H
#define BITPIPE_TRANSFORMS_KERNELS_COMPUTETOLOOPS_H

#include "lib/Dialect/Pipe/IR/Pipe.h"

#include "mlir/IR/Builders.h"

namespace bitpipe {

void emitLoops(mlir::OpBuilder &builder, pipe::SoftmaxOp op);
void emitLoops(mlir::OpBuilder &builder, pipe::SoftmaxGradOp op);
void emitLoops(mlir::OpBuilder &builder, pipe::LayerNormOp op);
void emitLoops(mlir::OpBuilder &builder, pipe::LayerNormGradInputOp op);
void emitLoops(mlir::OpBuilder &builder, pipe::LayerNormGradParamsOp op);
void emitLoops(mlir::OpBuilder &builder, pipe::GatherOp op);
void emitLoops(mlir::OpBuilder &builder, pipe::GatherGradOp op);
void emitLoops(mlir::OpBuilder &builder, pipe::DropoutOp op);
void emitLoops(mlir::OpBuilder &builder, pipe::CrossEntropyOp op);
void emitLoops(mlir::OpBuilder &builder, pipe::CrossEntropyGradOp op);

/// Replaces every compute operation below `root` by loops; reports those that
/// are not on static buffers of f32 or f64.
mlir::LogicalResult lowerComputeToLoops(mlir::Operation *root);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_KERNELS_COMPUTETOLOOPS_H
