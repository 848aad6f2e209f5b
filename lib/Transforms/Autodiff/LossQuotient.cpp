//===- LossQuotient.cpp - A loss that is a sum divided by a count ----------===//

#include "lib/Transforms/Autodiff/LossQuotient.h"

#include "lib/Transforms/Autodiff/Activity.h"
#include "lib/Transforms/Autodiff/GradientSums.h"
#include "lib/Transforms/Autodiff/ViewRules.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"

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

namespace {

/// The body of a scalar elementwise operation.
class ScalarBody {
public:
  ScalarBody(linalg::GenericOp op) : op(op) {}

  Value yielded() const { return op.getBody()->getTerminator()->getOperand(0); }

  /// The division that only changes of sign and constant factors follow.
  arith::DivFOp findDivision() const {
    Operation *last = yielded().getDefiningOp();
    while (last && last->getBlock() == op.getBody()) {
      if (auto division = dyn_cast<arith::DivFOp>(last))
        return division;
      Value next;
      if (auto negation = dyn_cast<arith::NegFOp>(last))
        next = negation.getOperand();
      if (auto product = dyn_cast<arith::MulFOp>(last)) {
        if (matchPattern(product.getRhs(), m_Constant()))
          next = product.getLhs();
        else if (matchPattern(product.getLhs(), m_Constant()))
          next = product.getRhs();
      }
      last = next ? next.getDefiningOp() : nullptr;
    }
    return nullptr;
  }

  /// The operations and operands that a scalar needs, where `instead` stands
  /// for the result of `skipped`.
  void collect(Value scalar, Operation *skipped, Value instead,
               SetVector<Operation *> &steps, SetVector<unsigned> &operands) const {
    if (auto argument = dyn_cast<BlockArgument>(scalar)) {
      operands.insert(argument.getArgNumber());
      return;
    }
    Operation *step = scalar.getDefiningOp();
    if (step->getBlock() != op.getBody())
      return; // a constant from outside
    if (step == skipped)
      return collect(instead, skipped, instead, steps, operands);
    for (Value operand : step->getOperands())
      collect(operand, skipped, instead, steps, operands);
    steps.insert(step);
  }

  /// An operation of its own for one scalar of the body.
  Value apart(OpBuilder &builder, Value scalar, Operation *skipped = nullptr,
              Value instead = nullptr) const {
    SetVector<Operation *> steps;
    SetVector<unsigned> operands;
    collect(scalar, skipped, instead, steps, operands);
    SmallVector<Value> inputs;
    SmallVector<AffineMap> maps;
    auto allMaps = linalg::GenericOp(op).getIndexingMapsArray();
    for (unsigned i : operands) {
      inputs.push_back(op->getOperand(i));
      maps.push_back(allMaps[i]);
    }
    maps.push_back(allMaps.back());
    auto type = cast<RankedTensorType>(op->getResult(0).getType())
                    .clone(scalar.getType());
    auto body = [&](OpBuilder &nested, Location loc, ValueRange arguments) {
      IRMapping mapping;
      for (auto [position, i] : llvm::enumerate(operands))
        mapping.map(linalg::GenericOp(op).getBody()->getArgument(i), arguments[position]);
      auto link = [&] {
        if (skipped)
          mapping.map(skipped->getResult(0), mapping.lookupOrDefault(instead));
      };
      link();
      for (Operation *step : steps) {
        nested.clone(*step, mapping);
        link();
      }
      linalg::YieldOp::create(nested, loc, mapping.lookupOrDefault(scalar));
    };
    return linalg::GenericOp::create(
               builder, op.getLoc(), type, inputs,
               emptyTensor(builder, op.getLoc(), type), maps,
               linalg::GenericOp(op).getIteratorTypesArray(), body)
        .getResult(0);
  }

private:
  mutable linalg::GenericOp op;
};

} // namespace

/// `max(count, 1)` and the like only keep a micro-batch without anything to
/// count from dividing by zero, which a batch does not do.
static Value withoutFloor(Value count) {
  Operation *op = count.getDefiningOp();
  APFloat floor(0.0f);
  if (op && isa<arith::MaximumFOp, arith::MaxNumFOp>(op) &&
      matchPattern(op->getOperand(1), m_ConstantFloat(&floor)) &&
      floor.convertToDouble() <= 1)
    return op->getOperand(0);
  return count;
}

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
  SetVector<Operation *> steps;
  SetVector<unsigned> operands;
  body.collect(division.getRhs(), nullptr, nullptr, steps, operands);
  DenseSet<Value> trained = trainedValues(forward);
  bool fromData = !operands.empty() && llvm::none_of(operands, [&](unsigned i) {
    return int64_t(i) >= generic.getNumDpsInputs() || trained.contains(generic->getOperand(i));
  });
  if (!fromData)
    return std::nullopt;
  return Quotient{body.apart(builder, body.yielded(), division, division.getLhs()),
                  body.apart(builder, withoutFloor(division.getRhs()))};
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
