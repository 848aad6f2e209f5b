//===- LossQuotient.h - A loss that is a sum divided by a count ------------===//
//
// The mean of micro-batches' means is not the mean over the whole batch where
// they count unequally. A sum and what it is divided by add up over
// micro-batches, and are divided once.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_AUTODIFF_LOSSQUOTIENT_H
#define BITPIPE_TRANSFORMS_AUTODIFF_LOSSQUOTIENT_H

#include "lib/Dialect/Pipe/IR/Pipe.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <optional>

namespace bitpipe {

struct Quotient {
  mlir::Value sum, count; // of one element each
};

/// Whether the value depends on a parameter that is trained.
bool dependsOnTrained(mlir::func::FuncOp forward, mlir::Value value);

/// Takes a scalar apart whose last step is a division by something computed
/// from the inputs alone; nothing if it is no such one.
std::optional<Quotient> splitQuotient(mlir::OpBuilder &builder,
                                      mlir::func::FuncOp forward,
                                      mlir::Value loss);

/// The two as `tensor<2xf32>`, the form of a loss with its count.
mlir::Value packQuotient(mlir::OpBuilder &builder, Quotient quotient);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_AUTODIFF_LOSSQUOTIENT_H
