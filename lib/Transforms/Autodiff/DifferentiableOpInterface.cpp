//===- DifferentiableOpInterface.cpp - Operations with a gradient rule -----===//

#include "lib/Transforms/Autodiff/DifferentiableOpInterface.h"
#include "lib/Transforms/Autodiff/Passes.h"

#include "lib/Transforms/Autodiff/DifferentiableOpInterface.cpp.inc"

void bitpipe::registerAutodiffExtensions(mlir::DialectRegistry &registry) {
  attachGenericRule(registry);
  attachViewRules(registry);
  attachComputeRules(registry);
  attachAttentionRule(registry);
}
