//===- NestEmitter.h - Vector code for a loop nest -------------------------===//
//
// The one rule by which every linalg operation becomes code.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_KERNELS_NESTEMITTER_H
#define BITPIPE_TRANSFORMS_KERNELS_NESTEMITTER_H

#include "lib/Transforms/Kernels/LoopNest.h"

namespace bitpipe {

/// Emits the loops of `nest` around the scalar body of `op`.
void emitNest(mlir::OpBuilder &b, mlir::linalg::LinalgOp op, const LoopNest &nest);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_KERNELS_NESTEMITTER_H
