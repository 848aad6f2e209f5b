//===- ExtremumGradient.h - The gradient of a maximum along dimensions -----===//

#ifndef BITPIPE_TRANSFORMS_AUTODIFF_EXTREMUMGRADIENT_H
#define BITPIPE_TRANSFORMS_AUTODIFF_EXTREMUMGRADIENT_H

#include "lib/Transforms/Autodiff/GradientSums.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace bitpipe {

/// Whether the operation is nothing but the largest or the smallest element of
/// its one input along its reduction loops, starting from a constant.
bool isExtremum(mlir::linalg::GenericOp op);

/// The gradient goes to the elements that are the extremum, in equal parts.
void buildExtremumGradient(mlir::linalg::GenericOp op,
                           mlir::OpBuilder &builder, mlir::Value gradient,
                           GradientSums &sums);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_AUTODIFF_EXTREMUMGRADIENT_H
