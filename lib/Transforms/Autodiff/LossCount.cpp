//===- LossCount.cpp - What a loss is divided by ----------------------------===//

#include "lib/Transforms/Autodiff/LossCount.h"

#include "lib/Transforms/Autodiff/ScalarBody.h"
#include "lib/Transforms/Autodiff/ViewRules.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace bitpipe;

//===----------------------------------------------------------------------===//
// Floors
//===----------------------------------------------------------------------===//

static std::optional<double> constantOf(Value scalar) {
  APFloat real(0.0f);
  APInt whole;
  if (matchPattern(scalar, m_ConstantFloat(&real)))
    return real.convertToDouble();
  if (matchPattern(scalar, m_ConstantInt(&whole)))
    return double(whole.getSExtValue());
  return std::nullopt;
}

static bool isFloor(Value scalar) {
  std::optional<double> constant = constantOf(scalar);
  return constant && *constant > 0 && *constant <= 1;
}

/// What `max(x, floor)` bounds, in either order; null if it is none.
static Value flooredByMaximum(Operation *op) {
  if (!isa<arith::MaximumFOp, arith::MaxNumFOp, arith::MaxSIOp, arith::MaxUIOp>(op))
    return nullptr;
  for (int side : {0, 1})
    if (isFloor(op->getOperand(1 - side)))
      return op->getOperand(side);
  return nullptr;
}

/// What is converted to another type; null if the operation does anything else.
static Value converted(Operation *op) {
  bool converts = isa<arith::ExtFOp, arith::TruncFOp, arith::SIToFPOp, arith::UIToFPOp,
                      arith::FPToSIOp, arith::FPToUIOp, arith::ExtSIOp, arith::ExtUIOp,
                      arith::TruncIOp>(op);
  return converts ? op->getOperand(0) : Value();
}

static bool compare(arith::CmpIPredicate predicate, double left, double right) {
  switch (predicate) {
  case arith::CmpIPredicate::eq:
    return left == right;
  case arith::CmpIPredicate::ne:
    return left != right;
  case arith::CmpIPredicate::slt:
  case arith::CmpIPredicate::ult:
    return left < right;
  case arith::CmpIPredicate::sle:
  case arith::CmpIPredicate::ule:
    return left <= right;
  case arith::CmpIPredicate::sgt:
  case arith::CmpIPredicate::ugt:
    return left > right;
  case arith::CmpIPredicate::sge:
  case arith::CmpIPredicate::uge:
    return left >= right;
  }
  llvm_unreachable("a comparison of integers");
}

/// Whether a condition about one value, which it finds out, holds if that is `number`; nothing
/// if it is about more.
static std::optional<bool> holds(Value condition, double number, Value &about) {
  Operation *op = condition.getDefiningOp();
  if (op && isa<arith::OrIOp, arith::AndIOp>(op)) {
    auto left = holds(op->getOperand(0), number, about);
    auto right = holds(op->getOperand(1), number, about);
    if (!left || !right)
      return std::nullopt;
    return isa<arith::OrIOp>(op) ? *left || *right : *left && *right;
  }
  if (!op || !isa<arith::CmpFOp, arith::CmpIOp>(op))
    return std::nullopt;
  double sides[2];
  for (int side : {0, 1}) {
    std::optional<double> constant = constantOf(op->getOperand(side));
    if (!constant && about && about != op->getOperand(side))
      return std::nullopt;
    if (!constant)
      about = op->getOperand(side);
    sides[side] = constant.value_or(number);
  }
  if (auto whole = dyn_cast<arith::CmpIOp>(op))
    return compare(whole.getPredicate(), sides[0], sides[1]);
  return arith::applyCmpPredicate(cast<arith::CmpFOp>(op).getPredicate(), APFloat(sides[0]),
                                  APFloat(sides[1]));
}

static Value floored(Operation *op);

/// What a count is before conversions and floors.
static Value rootOf(Value scalar) {
  while (Operation *op = scalar.getDefiningOp()) {
    Value inner = converted(op) ? converted(op) : floored(op);
    if (!inner)
      break;
    scalar = inner;
  }
  return scalar;
}

/// What a choice bounds that takes a floor for small values, or a bound of a type for what no
/// count is; null if it is neither.
static Value flooredBySelect(Operation *op) {
  auto select = dyn_cast<arith::SelectOp>(op);
  if (!select)
    return nullptr;
  Value about;
  std::optional<bool> many = holds(select.getCondition(), 2, about);
  if (!many || !about || holds(select.getCondition(), 1e6, about) != many)
    return nullptr;
  Value taken = *many ? select.getTrueValue() : select.getFalseValue();
  Value other = *many ? select.getFalseValue() : select.getTrueValue();
  bool isAlways = llvm::all_of(ArrayRef<double>{0, 0.5, 1}, [&](double few) {
    return holds(select.getCondition(), few, about) == many;
  });
  bool isSame = rootOf(taken) == rootOf(about);
  return isSame && (isAlways || isFloor(other)) ? taken : Value();
}

/// What an operation keeps from being small; null if it does anything else.
static Value floored(Operation *op) {
  Value value = flooredByMaximum(op);
  return value ? value : flooredBySelect(op);
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

static linalg::GenericOp elementwise(Value tensor) {
  auto op = tensor.getDefiningOp<linalg::GenericOp>();
  return op && !op.getNumReductionLoops() && op->getNumResults() == 1 ? op : nullptr;
}

/// Where a change of shape has its elements from; null if it is no such change.
static Value viewed(Value tensor) {
  Operation *op = tensor.getDefiningOp();
  return op && isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op) ? rearrangedSource(op)
                                                                       : Value();
}

/// Whether sums or anything else over several elements stand before a value.
static bool reduces(Value tensor) {
  if (Value source = viewed(tensor))
    return reduces(source);
  if (linalg::GenericOp op = elementwise(tensor))
    return llvm::any_of(op.getInputs(), reduces);
  Operation *op = tensor.getDefiningOp();
  return op && !op->hasTrait<OpTrait::ConstantLike>();
}

/// Whether a reduction adds its elements to zero.
static bool isSum(linalg::GenericOp op) {
  if (op->getNumResults() != 1)
    return false;
  auto start = op.getOutputs()[0].getDefiningOp<linalg::FillOp>();
  if (!start || constantOf(start.value()) != 0.0)
    return false;
  Block *body = op.getBody();
  Operation *last = body->getTerminator()->getOperand(0).getDefiningOp();
  return last && isa<arith::AddFOp, arith::AddIOp>(last) &&
         llvm::count(last->getOperands(), body->getArguments().back()) == 1;
}

/// Before a conversion or a constant factor; null if the operation does more.
static Value scaled(Operation *op) {
  Value source = converted(op);
  return source ? source : unscaled(op);
}

static bool addsUp(linalg::GenericOp op, Value scalar) {
  if (auto argument = dyn_cast<BlockArgument>(scalar))
    return argument.getArgNumber() < op.getNumDpsInputs() &&
           addsUp(op->getOperand(argument.getArgNumber()));
  Operation *last = scalar.getDefiningOp();
  if (Value inner = floored(last))
    return addsUp(op, inner);
  if (Value factor = scaled(last))
    return addsUp(op, factor);
  return isa<arith::AddFOp, arith::AddIOp, arith::SubFOp, arith::SubIOp>(last) &&
         llvm::all_of(last->getOperands(), [&](Value term) { return addsUp(op, term); });
}

bool bitpipe::addsUp(Value count) {
  if (Value source = viewed(count))
    return addsUp(source);
  Operation *op = count.getDefiningOp();
  if (op && (op->hasTrait<OpTrait::ConstantLike>() || isa<linalg::FillOp>(op)))
    return false;
  if (!reduces(count))
    return true;
  if (linalg::GenericOp each = elementwise(count))
    return ::addsUp(each, ScalarBody(each).yielded());
  auto reduction = dyn_cast<linalg::GenericOp>(op);
  return !reduction || isSum(reduction);
}

//===----------------------------------------------------------------------===//
// Without floors
//===----------------------------------------------------------------------===//

/// The floor behind which only conversions and constant factors come; null if there is none.
static Operation *findFloor(Value scalar) {
  Operation *last = scalar.getDefiningOp();
  while (last && !floored(last)) {
    Value factor = scaled(last);
    last = factor ? factor.getDefiningOp() : nullptr;
  }
  return last;
}

Value bitpipe::withoutFloor(OpBuilder &builder, Value count) {
  if (Value source = viewed(count)) {
    Value bare = withoutFloor(builder, source);
    if (bare == source)
      return count;
    IRMapping mapping;
    mapping.map(source, bare);
    return builder.clone(*count.getDefiningOp(), mapping)->getResult(0);
  }
  linalg::GenericOp op = elementwise(count);
  if (!op)
    return count;
  ScalarBody body(op);
  Operation *floor = findFloor(body.yielded());
  SmallVector<std::pair<Value, Value>> bared;
  for (unsigned i : body.operandsOf(body.yielded()))
    if (Value input = op->getOperand(i), bare = withoutFloor(builder, input); bare != input)
      bared.push_back({input, bare});
  if (!floor && bared.empty())
    return count;
  Value result = body.apart(builder, body.yielded(), floor, floor ? floored(floor) : Value());
  for (auto [input, bare] : bared)
    result.getDefiningOp()->replaceUsesOfWith(input, bare);
  Value barest = withoutFloor(builder, result); // of two floors in one body
  if (barest != result)
    result.getDefiningOp()->erase();
  return barest;
}
