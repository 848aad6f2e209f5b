//===- BiasGradients.h - Sums that a product makes of an operand -----------===//
//
// The gradient of a layer's weight is a product with the gradient of the layer's
// result, that of its bias the sum of the latter over the loops that the product
// sums over, too. Vendors' libraries add it up while they multiply.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_LOWER_BIASGRADIENTS_H
#define BITPIPE_TRANSFORMS_LOWER_BIASGRADIENTS_H

#include "lib/Transforms/Lower/Contraction.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace bitpipe::lower {

/// The sum of an operand of a contraction, 0 or 1.
struct BiasGradient {
  mlir::linalg::GenericOp sum;
  unsigned operand;
};
struct BiasGradients {
  llvm::DenseMap<mlir::Operation *, BiasGradient> ofContractions;
  llvm::DenseSet<mlir::Operation *> sums; // all of them
};

/// Finds them in a function, at most one for a contraction, and moves each before its
/// contraction. A sum is one of f32 of all that an operand of the contraction has, over
/// the loops that the contraction sums over.
BiasGradients findBiasGradients(mlir::func::FuncOp function);

/// Whether a product of this form can make the sum into a place; sets whether it is the
/// form's a that is summed.
bool fitsBiasGradient(BiasGradient gradient, mlir::linalg::GenericOp contraction,
                      const LoopStrides &loops, const MatmulForm &form, const Place &target,
                      bool &ofA);

} // namespace bitpipe::lower

#endif // BITPIPE_TRANSFORMS_LOWER_BIASGRADIENTS_H
