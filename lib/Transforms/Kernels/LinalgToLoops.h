//===- LinalgToLoops.h - Linalg operations become vector loops -------------===//
//
// The one entry that the pass and the kernel compiler share.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_KERNELS_LINALGTOLOOPS_H
#define BITPIPE_TRANSFORMS_KERNELS_LINALGTOLOOPS_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace bitpipe {

/// Replaces every linalg operation below `root` by loops.
mlir::LogicalResult lowerLinalgToLoops(mlir::Operation *root);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_KERNELS_LINALGTOLOOPS_H
