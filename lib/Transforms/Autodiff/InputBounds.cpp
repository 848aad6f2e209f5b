//===- InputBounds.cpp - Which values of an input are indices --------------===//

#include "lib/Transforms/Autodiff/InputBounds.h"

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Transforms/Autodiff/ViewRules.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace bitpipe;

using Bounds = std::optional<IndexBounds>;

/// What lies in both.
static Bounds meet(Bounds a, Bounds b) {
  if (!a || !b)
    return a ? a : b;
  return IndexBounds{std::max(a->low, b->low), std::min(a->high, b->high)};
}

static std::optional<int64_t> constantOf(Value scalar) {
  APInt value;
  if (matchPattern(scalar, m_ConstantInt(&value)) &&
      value.isSignedIntN(32)) // so that no sum below overflows
    return value.getSExtValue();
  return std::nullopt;
}

/// The bounds of `operand` from those of the result of a scalar operation.
static Bounds before(Operation *op, unsigned operand, Bounds after) {
  if (!after || op->getNumOperands() > 2)
    return std::nullopt;
  // A cast that loses bits is one of values that fit.
  if (isa<arith::ExtSIOp, arith::ExtUIOp, arith::TruncIOp, arith::SIToFPOp,
          arith::UIToFPOp, arith::FPToSIOp, arith::ExtFOp, arith::TruncFOp>(op))
    return after;
  if (op->getNumOperands() != 2)
    return std::nullopt;
  auto other = constantOf(op->getOperand(1 - operand));
  if (!other)
    return std::nullopt;
  int64_t c = *other, low = after->low, high = after->high;
  if (isa<arith::AddIOp>(op))
    return IndexBounds{low - c, high - c};
  if (isa<arith::SubIOp>(op) && operand == 0)
    return IndexBounds{low + c, high + c};
  if (isa<arith::SubIOp>(op))
    return IndexBounds{c - high + 1, c - low + 1};
  if (isa<arith::MulIOp>(op) && c > 0)
    return IndexBounds{llvm::divideCeilSigned(low, c),
                       llvm::divideCeilSigned(high, c)};
  return std::nullopt;
}

/// The bounds of a scalar in the body of `generic`.
static Bounds boundsInBody(Value scalar, linalg::GenericOp generic) {
  Bounds bounds;
  for (OpOperand &use : scalar.getUses()) {
    Operation *user = use.getOwner();
    if (isa<linalg::YieldOp>(user))
      bounds = meet(bounds, findIndexBounds(
                                generic.getResult(use.getOperandNumber())));
    else if (user->getNumResults() == 1)
      bounds = meet(bounds, before(user, use.getOperandNumber(),
                                   boundsInBody(user->getResult(0), generic)));
  }
  return bounds;
}

/// The bounds of an operand of a generic that reads all of its elements.
static Bounds boundsInGeneric(linalg::GenericOp generic, OpOperand &use) {
  bool all = generic.getMatchingIndexingMap(&use).isProjectedPermutation();
  if (!all || generic.getNumReductionLoops() || !generic.isDpsInput(&use))
    return std::nullopt;
  return boundsInBody(generic.getMatchingBlockArgument(&use), generic);
}

std::optional<IndexBounds> bitpipe::findIndexBounds(Value value) {
  Bounds bounds;
  for (OpOperand &use : value.getUses()) {
    Operation *user = use.getOwner();
    if (isa<pipe::GatherOp>(user) && use.getOperandNumber() == 1) {
      auto table = cast<ShapedType>(user->getOperand(0).getType());
      bounds = meet(bounds, IndexBounds{0, table.getDimSize(0)});
    } else if (auto generic = dyn_cast<linalg::GenericOp>(user)) {
      bounds = meet(bounds, boundsInGeneric(generic, use));
    } else if (rearrangedSource(user) == value &&
               !isa<tensor::ExtractSliceOp>(user)) { // which lacks elements
      bounds = meet(bounds, findIndexBounds(user->getResult(0)));
    }
  }
  return bounds;
}
