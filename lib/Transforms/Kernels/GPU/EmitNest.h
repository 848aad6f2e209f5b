//===- EmitNest.h - Launches for a loop nest -------------------------------===//
//
// The ways in which a linalg operation becomes threads.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_KERNELS_GPU_EMITNEST_H
#define BITPIPE_TRANSFORMS_KERNELS_GPU_EMITNEST_H

#include "lib/Transforms/Kernels/GPU/NestThread.h"

namespace bitpipe::grid {

/// The loops whose steps threads may do at once, and those that are summed over, or
/// whose order matters; each outermost first.
struct NestLoops {
  llvm::SmallVector<unsigned> points, terms;
};

/// A nest without terms: a vector of points per thread.
void emitElementwise(LaunchWriter &writer, mlir::linalg::LinalgOp op, const LoopNest &nest,
                     unsigned inner);

/// Whether an input is contiguous along `outer` and scattered along `inner`, and the bytes
/// of its tile.
bool isTiled(const Access &access, unsigned inner, unsigned outer);
int64_t tileBytes(mlir::Type element);

/// Likewise, where some operands are contiguous along `outer` and not along `inner`:
/// these are read in tiles, into memory of the block.
void emitTiles(LaunchWriter &writer, mlir::linalg::LinalgOp op, const LoopNest &nest,
               unsigned inner, unsigned outer);

/// Sums: every output stands still along all terms, and is combined there by an
/// associative operation. In one launch, or in two where points alone would leave the
/// GPU idle.
void emitSums(LaunchWriter &writer, mlir::linalg::LinalgOp op, const LoopNest &nest,
              const NestLoops &loops);

/// Any nest: a thread per point, which takes the terms one after the other.
void emitInOrder(LaunchWriter &writer, mlir::linalg::LinalgOp op, const LoopNest &nest,
                 const NestLoops &loops);

/// Threads of a block where nothing says otherwise.
constexpr int64_t usualBlock = 256;

/// The sizes of some loops, that of `along` in vectors.
llvm::SmallVector<int64_t> sizesOf(const LoopNest &nest, llvm::ArrayRef<unsigned> levels,
                                   Along along);
/// Writes into `at` the steps of `levels` that step number `number` of them all is.
void placeAt(LaunchWriter &writer, const LoopNest &nest, llvm::ArrayRef<unsigned> levels,
             Along along, mlir::Value number, Values &at);

} // namespace bitpipe::grid

#endif // BITPIPE_TRANSFORMS_KERNELS_GPU_EMITNEST_H
