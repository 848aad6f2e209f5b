//===- EmitLaunches.h - Launches for each family of operations -------------===//
//
// One function per operation: it writes the launches that do what the operation does,
// and leaves the operation itself alone.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_KERNELS_GPU_EMITLAUNCHES_H
#define BITPIPE_TRANSFORMS_KERNELS_GPU_EMITLAUNCHES_H

#include "lib/Transforms/Kernels/GPU/TeamRows.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace bitpipe::grid {

/// An operation whose rows are all there is to it.
template <typename Op> mlir::LogicalResult emitLaunches(LaunchWriter &writer, Op op) {
  Team team = teamOf(rowAccess(op));
  auto shape = llvm::cast<mlir::MemRefType>(rowAccess(op).buffers.front().getType()).getShape();
  int64_t rows = mlir::ShapedType::getNumElements(shape.drop_back());
  Op here = writer.begin(op, blocksFor(rows, team.perBlock), team.block());
  TeamRows e(writer, rowAccess(here), team);
  emitRows(e, here);
  writer.end();
  return mlir::success();
}
mlir::LogicalResult emitLaunches(LaunchWriter &writer, pipe::GatherOp op);
mlir::LogicalResult emitLaunches(LaunchWriter &writer, pipe::GatherGradOp op);
mlir::LogicalResult emitLaunches(LaunchWriter &writer, pipe::CrossEntropyOp op);
mlir::LogicalResult emitLaunches(LaunchWriter &writer, pipe::CrossEntropyGradOp op);
/// Reports operands that are not static buffers and maps that are not linear.
mlir::LogicalResult emitLaunches(LaunchWriter &writer, mlir::linalg::LinalgOp op);

/// Writes `op`, a compute operation in buffer form or one of linalg.
mlir::LogicalResult emitOperation(LaunchWriter &writer, mlir::Operation *op);

} // namespace bitpipe::grid

#endif // BITPIPE_TRANSFORMS_KERNELS_GPU_EMITLAUNCHES_H
