//===- LossCount.h - What a loss is divided by ------------------------------===//
//
// A count adds up over micro-batches: the count of a batch is the sum of theirs. Exporters
// write a floor around it, `max(count, 1)`, which only keeps a micro-batch without anything to
// count from dividing by zero. A batch does not do that, and a floor in each micro-batch would
// count what is not there.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_AUTODIFF_LOSSCOUNT_H
#define BITPIPE_TRANSFORMS_AUTODIFF_LOSSCOUNT_H

#include "mlir/IR/Builders.h"

namespace bitpipe {

/// Whether `count`, of one element, is known to add up over micro-batches, but for its floors:
/// it is a sum over elements, or sums and constant multiples of such sums. What reduces nothing
/// is of single samples, and adds up.
bool addsUp(mlir::Value count);

/// The count without floors of at most 1.
mlir::Value withoutFloor(mlir::OpBuilder &builder, mlir::Value count);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_AUTODIFF_LOSSCOUNT_H
