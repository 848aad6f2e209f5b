//===- GenericRule.cpp - The gradient rule of linalg.generic ---------------===//
//
// What the rule covers; GenericGradient builds.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Autodiff/DifferentiableOpInterface.h"
#include "lib/Transforms/Autodiff/ExtremumGradient.h"
#include "lib/Transforms/Autodiff/GenericGradient.h"
#include "lib/Transforms/Autodiff/ScalarRules.h"

#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace bitpipe;

/// What of a scalar body cannot be differentiated.
static std::string describeBodyGap(Block *body) {
  DenseSet<Value> varying;
  for (Value argument : body->getArguments())
    if (isa<FloatType>(argument.getType()))
      varying.insert(argument);
  for (Operation &op : body->without_terminator()) {
    bool varies = llvm::any_of(op.getOperands(),
                               [&](Value v) { return varying.contains(v); });
    bool isFloat = llvm::any_of(op.getResultTypes(),
                                [](Type type) { return isa<FloatType>(type); });
    if (!varies || !isFloat)
      continue;
    if (op.getNumResults() != 1 || !hasScalarRule(&op))
      return "the scalar operation " + op.getName().getStringRef().str();
    varying.insert(op.getResult(0));
  }
  return "";
}

static std::string describeGap(linalg::GenericOp op) {
  auto isTensor = [](Value v) { return isa<ShapedType>(v.getType()); };
  SetVector<Value> outside;
  getUsedValuesDefinedAbove(op->getRegions(), outside);
  if (llvm::any_of(outside, isTensor))
    return "a scalar body that reads a tensor from outside";
  if (!op.hasPureTensorSemantics())
    return "linalg.generic on buffers";
  for (AffineMap map : op.getIndexingMapsArray())
    if (!map.isProjectedPermutation(/*allowZeroInResults=*/true))
      return "an access that is no selection of loop dimensions";
  if (isExtremum(op))
    return "";
  for (unsigned k = 0; k < op.getNumDpsInits(); ++k)
    if (op.getNumReductionLoops() > 0 && !findAccumulation(op, k))
      return "a reduction that is no sum";
  return describeBodyGap(op.getBody());
}

namespace {

struct GenericRule
    : DifferentiableOpInterface::ExternalModel<GenericRule, linalg::GenericOp> {
  std::string describeGap(Operation *op) const {
    return ::describeGap(cast<linalg::GenericOp>(op));
  }
  void buildGradients(Operation *op, OpBuilder &builder,
                      ArrayRef<Value> gradients, GradientSums &sums) const {
    auto generic = cast<linalg::GenericOp>(op);
    if (isExtremum(generic))
      return buildExtremumGradient(generic, builder, gradients[0], sums);
    buildGenericGradients(generic, builder, gradients, sums);
  }
};

} // namespace

void bitpipe::attachGenericRule(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, linalg::LinalgDialect *) {
    linalg::GenericOp::attachInterface<GenericRule>(*context);
  });
}
