//===- VectorBody.cpp - Scalar bodies on vectors ---------------------------===//
//
// Elementwise operations say of themselves that they mean the same on vectors,
// so one rule serves all of arith and math.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Kernels/VectorBody.h"
#include "lib/Transforms/Kernels/FastMath.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace bitpipe;
using Kind = vector::CombiningKind;

bool bitpipe::isVectorizable(Block &body) {
  return llvm::all_of(body.without_terminator(), [](Operation &op) {
    // A lane that is masked out reads as zero, by which nothing may be divided.
    if (isa<arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp,
            arith::CeilDivSIOp, arith::CeilDivUIOp, arith::FloorDivSIOp>(op))
      return false;
    return isa<linalg::IndexOp, arith::ConstantOp>(op) ||
           OpTrait::hasElementwiseMappableTraits(&op);
  });
}

static std::optional<Kind> kindOf(Operation *op) {
  return llvm::TypeSwitch<Operation *, std::optional<Kind>>(op)
      .Case<arith::AddFOp, arith::AddIOp>([](auto) { return Kind::ADD; })
      .Case<arith::MulFOp, arith::MulIOp>([](auto) { return Kind::MUL; })
      .Case([](arith::MaximumFOp) { return Kind::MAXIMUMF; })
      .Case([](arith::MinimumFOp) { return Kind::MINIMUMF; })
      .Case([](arith::MaxNumFOp) { return Kind::MAXNUMF; })
      .Case([](arith::MinNumFOp) { return Kind::MINNUMF; })
      .Case([](arith::MaxSIOp) { return Kind::MAXSI; })
      .Case([](arith::MinSIOp) { return Kind::MINSI; })
      .Case([](arith::MaxUIOp) { return Kind::MAXUI; })
      .Case([](arith::MinUIOp) { return Kind::MINUI; })
      .Case([](arith::AndIOp) { return Kind::AND; })
      .Case([](arith::OrIOp) { return Kind::OR; })
      .Case([](arith::XOrIOp) { return Kind::XOR; })
      .Default(std::nullopt);
}

std::optional<Combiner> bitpipe::matchCombiner(linalg::LinalgOp op, unsigned position) {
  OpOperand *init = op.getDpsInitOperand(position);
  BlockArgument sofar = op.getMatchingBlockArgument(init);
  Operation *combine = op.getMatchingYieldValue(init)->get().getDefiningOp();
  if (!combine || !sofar.hasOneUse() || *sofar.user_begin() != combine ||
      !combine->hasOneUse()) // a sum of some terms is no one else's business
    return std::nullopt;
  std::optional<Kind> kind = kindOf(combine);
  std::optional<TypedAttr> neutral = arith::getNeutralElement(combine);
  if (!kind || !neutral)
    return std::nullopt;
  return Combiner{*kind, combine, *neutral};
}

Value bitpipe::spread(OpBuilder &b, Location loc, Value value, int64_t width) {
  if (width == 1 || isa<VectorType>(value.getType()))
    return value;
  auto type = VectorType::get({width}, value.getType());
  return vector::BroadcastOp::create(b, loc, type, value);
}

/// Repeats `op` on vectors if one of its operands is a vector.
static void emitElementwise(OpBuilder &b, Operation &op, IRMapping &values,
                            int64_t width) {
  bool onVectors = llvm::any_of(op.getOperands(), [&](Value operand) {
    return isa<VectorType>(values.lookupOrDefault(operand).getType());
  });
  IRMapping operands;
  for (Value operand : op.getOperands()) {
    Value value = values.lookupOrDefault(operand);
    operands.map(operand, onVectors ? spread(b, op.getLoc(), value, width) : value);
  }
  Operation *copy = b.clone(op, operands);
  auto fast = dyn_cast<arith::ArithFastMathInterface>(copy);
  if (fast && fast.getFastMathFlagsAttr()) { // a conversion may have none
    auto flags = fast.getFastMathFlagsAttr().getValue() | bodyFlags;
    copy->setAttr(fast.getFastMathAttrName(),
                  arith::FastMathFlagsAttr::get(b.getContext(), flags));
  }
  for (auto [from, to] : llvm::zip_equal(op.getResults(), copy->getResults())) {
    if (onVectors)
      to.setType(VectorType::get({width}, from.getType()));
    values.map(from, to);
  }
}

Values bitpipe::emitBody(OpBuilder &b, Block &body, ValueRange arguments,
                         ValueRange indices, int64_t width) {
  IRMapping values;
  values.map(body.getArguments(), arguments);
  for (Operation &op : body.without_terminator()) {
    if (auto index = dyn_cast<linalg::IndexOp>(op))
      values.map(index.getResult(), indices[index.getDim()]);
    else
      emitElementwise(b, op, values, width);
  }
  Values yielded;
  for (Value value : body.getTerminator()->getOperands())
    yielded.push_back(values.lookupOrDefault(value));
  return yielded;
}
