//===- Contractions.h - Contractions and elementwise operations ------------===//

#ifndef BITPIPE_TRANSFORMS_ONNX_CONTRACTIONS_H
#define BITPIPE_TRANSFORMS_ONNX_CONTRACTIONS_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace bitpipe {

/// A linalg.generic that multiplies, sums and adds to its destination.
inline bool isContraction(mlir::Operation *op) {
  auto generic = mlir::dyn_cast_or_null<mlir::linalg::GenericOp>(op);
  return generic && generic.getNumReductionLoops() > 0 &&
         generic.getNumDpsInputs() == 2 && generic.getNumDpsInits() == 1 &&
         mlir::linalg::isaContractionOpInterface(generic);
}

/// A linalg.generic without reduction and with one result.
inline bool isElementwiseGeneric(mlir::Operation *op) {
  auto generic = mlir::dyn_cast_or_null<mlir::linalg::GenericOp>(op);
  return generic && generic.getNumReductionLoops() == 0 &&
         generic.getNumDpsInits() == 1 &&
         generic.getMatchingIndexingMap(generic.getDpsInitOperand(0))
             .isIdentity();
}

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_ONNX_CONTRACTIONS_H
