//===- DifferentiableOpInterface.h - Operations with a gradient rule -------===//
//
// The interface, and the functions that attach rules to operations: one per
// family, each in a file of its own.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_AUTODIFF_DIFFERENTIABLEOPINTERFACE_H
#define BITPIPE_TRANSFORMS_AUTODIFF_DIFFERENTIABLEOPINTERFACE_H

#include "lib/Transforms/Autodiff/GradientSums.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/IR/OpDefinition.h"

#include "lib/Transforms/Autodiff/DifferentiableOpInterface.h.inc"

namespace bitpipe {

void attachGenericRule(mlir::DialectRegistry &registry);
void attachViewRules(mlir::DialectRegistry &registry);
void attachComputeRules(mlir::DialectRegistry &registry);
void attachAttentionRule(mlir::DialectRegistry &registry);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_AUTODIFF_DIFFERENTIABLEOPINTERFACE_H
