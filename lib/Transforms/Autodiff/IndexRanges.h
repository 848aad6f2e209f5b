//===- IndexRanges.h - What indices a model can compute --------------------===//

#ifndef BITPIPE_TRANSFORMS_AUTODIFF_INDEXRANGES_H
#define BITPIPE_TRANSFORMS_AUTODIFF_INDEXRANGES_H

#include "lib/Transforms/Autodiff/InputBounds.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace bitpipe {

/// Follows integers through the function, from inputs of these bounds to the
/// tables whose rows they select. Refuses an index that is never inside, or is
/// constant and outside; warns of one that is between two numbers and may be
/// outside. Others are left to the kernels, which check every one.
mlir::LogicalResult
checkIndexRanges(mlir::func::FuncOp forward,
                 llvm::ArrayRef<std::optional<IndexBounds>> inputs);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_AUTODIFF_INDEXRANGES_H
