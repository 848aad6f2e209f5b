//===- NestThread.h - What one thread does of a loop nest ------------------===//
//
// The body of a linalg operation at one step of its loops, or at neighbouring steps of
// one of them that a thread takes at once, as a vector.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_KERNELS_GPU_NESTTHREAD_H
#define BITPIPE_TRANSFORMS_KERNELS_GPU_NESTTHREAD_H

#include "lib/Transforms/Kernels/FlatBuffer.h"
#include "lib/Transforms/Kernels/GPU/Launch.h"
#include "lib/Transforms/Kernels/LoopNest.h"

namespace bitpipe::grid {

/// The loop along which a thread takes `width` steps at once.
struct Along {
  unsigned level = 0;
  int64_t width = 1;
};

class NestThread {
public:
  /// `op` and `nest` are those of the launch that is being written.
  NestThread(LaunchWriter &writer, mlir::linalg::LinalgOp op, const LoopNest &nest,
             Along along);

  /// The operands at the steps `at`, one value per loop; inputs that are found
  /// elsewhere are null and taken from `given`.
  Values load(mlir::ValueRange at, llvm::ArrayRef<mlir::Value> given = {});
  mlir::Value load(unsigned operand, mlir::ValueRange at);
  /// What the body makes of `operands`, one value per output.
  Values compute(mlir::ValueRange at, const Values &operands);
  void store(mlir::ValueRange at, unsigned operand, mlir::Value value);
  void store(mlir::ValueRange at, const Values &results);

  unsigned inputs() const { return numInputs; }
  /// Elements of the operand that a thread has at once.
  int64_t widthOf(unsigned operand) const;

private:
  mlir::Value position(unsigned operand, mlir::ValueRange at);

  LaunchWriter &writer;
  mlir::linalg::LinalgOp op;
  const LoopNest &nest;
  Along along;
  unsigned numInputs;
  llvm::SmallVector<FlatBuffer> buffers;
  llvm::SmallVector<int64_t> alignments;
};

/// The elements along loop `level` that a thread takes at once: 16 bytes of the
/// narrowest operand, or 1 where an operand is scattered there or the body has no form
/// on vectors.
int64_t widthAlong(mlir::linalg::LinalgOp op, const LoopNest &nest, unsigned level);

} // namespace bitpipe::grid

#endif // BITPIPE_TRANSFORMS_KERNELS_GPU_NESTTHREAD_H
