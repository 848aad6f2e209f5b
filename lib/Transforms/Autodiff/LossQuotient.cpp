//===- LossQuotient.cpp - A loss that is a sum divided by a count ----------===//

#include "lib/Transforms/Autodiff/LossQuotient.h"

#include "lib/Transforms/Autodiff/Activity.h"
#include "lib/Transforms/Autodiff/GradientSums.h"
#include "lib/Transforms/Autodiff/LossCount.h"
#include "lib/Transforms/Autodiff/ScalarBody.h"
#include "lib/Transforms/Autodiff/ViewRules.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace bitpipe;

//===----------------------------------------------------------------------===//
// What depends on parameters
//===----------------------------------------------------------------------===//

static DenseSet<Value> trainedValues(func::FuncOp forward) {
  SymbolTable symbols(forward->getParentOfType<ModuleOp>());
  DenseSet<Value> roots;
  forward.walk([&](pipe::GetParameterOp read) {
    auto parameter = symbols.lookup<pipe::ParameterOp>(read.getParameter());
    if (parameter && parameter.getTrainable())
      roots.insert(read.getResult());
  });
  return dependents(forward.front(), roots, [](Value) { return true; });
}

bool bitpipe::dependsOnTrained(func::FuncOp forward, Value value) {
  return trainedValues(forward).contains(value);
}

//===----------------------------------------------------------------------===//
// Taking a division apart
//===----------------------------------------------------------------------===//

std::optional<Quotient> bitpipe::splitQuotient(OpBuilder &builder,
                                               func::FuncOp forward, Value loss) {
  while (Operation *view = loss.getDefiningOp()) {
    Value source = rearrangedSource(view);
    if (!source || cast<RankedTensorType>(source.getType()).getNumElements() != 1)
      break;
    loss = source;
  }
  auto generic = loss.getDefiningOp<linalg::GenericOp>();
  if (!generic || generic.getNumReductionLoops() || generic->getNumResults() != 1)
    return std::nullopt;
  ScalarBody body(generic);
  arith::DivFOp division = body.findDivision();
  if (!division)
    return std::nullopt;
  // A constant divides every micro-batch alike.
  SetVector<unsigned> operands = body.operandsOf(division.getRhs());
  DenseSet<Value> trained = trainedValues(forward);
  bool fromData = !operands.empty() && llvm::none_of(operands, [&](unsigned i) {
    return int64_t(i) >= generic.getNumDpsInputs() || trained.contains(generic->getOperand(i));
  });
  if (!fromData)
    return std::nullopt;
  return Quotient{body.apart(builder, body.yielded(), division, division.getLhs()),
                  body.apart(builder, division.getRhs())};
}

//===----------------------------------------------------------------------===//
// Putting sum and count together
//===----------------------------------------------------------------------===//

/// As `tensor<1xf32>`.
static Value asVector(OpBuilder &builder, Value scalar) {
  Location loc = scalar.getLoc();
  auto type = cast<RankedTensorType>(scalar.getType());
  Type element = type.getElementType();
  if (type.getRank() > 0)
    scalar = tensor::CollapseShapeOp::create(
        builder, loc, RankedTensorType::get({}, element), scalar,
        ArrayRef<ReassociationIndices>());
  if (!isa<FloatType>(element)) {
    auto real = RankedTensorType::get({}, builder.getF32Type());
    AffineMap none = builder.getMultiDimIdentityMap(0);
    scalar = linalg::GenericOp::create(
                 builder, loc, real, scalar, emptyTensor(builder, loc, real),
                 ArrayRef<AffineMap>{none, none}, ArrayRef<utils::IteratorType>(),
                 [&](OpBuilder &nested, Location at, ValueRange arguments) {
                   Value number = arguments[0];
                   Type f32 = builder.getF32Type();
                   if (element.isInteger(1))
                     number = arith::UIToFPOp::create(nested, at, f32, number);
                   else
                     number = arith::SIToFPOp::create(nested, at, f32, number);
                   linalg::YieldOp::create(nested, at, number);
                 })
                 .getResult(0);
    element = builder.getF32Type();
  }
  return tensor::ExpandShapeOp::create(builder, loc,
                                       RankedTensorType::get({1}, element), scalar,
                                       ArrayRef<ReassociationIndices>());
}

Value bitpipe::packQuotient(OpBuilder &builder, Quotient quotient) {
  Value parts[] = {asVector(builder, quotient.sum),
                   asVector(builder, quotient.count)};
  return tensor::ConcatOp::create(builder, quotient.sum.getLoc(), /*dim=*/int64_t(0), parts);
}
