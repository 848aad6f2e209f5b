//===- ExpandMath.cpp - Transcendental functions as arithmetic -------------===//
//
// Upstream's approximations, after powers with simple exponents have become
// products and the rarer functions combinations of the common ones.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Kernels/ExpandMath.h"

#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

LogicalResult bitpipe::expandMath(Operation *root) {
  RewritePatternSet patterns(root->getContext());
  populateMathAlgebraicSimplificationPatterns(patterns);
  math::populateExpansionPatterns(patterns, {"powf", "fpowi", "sinh", "cosh", "tan", "asinh", "acosh", "atanh", "exp2"});
  populateMathPolynomialApproximationPatterns(patterns, [](StringRef) { return true; });
  return applyPatternsGreedily(root, std::move(patterns));
}
