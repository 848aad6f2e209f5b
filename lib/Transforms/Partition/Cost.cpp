//===- Cost.cpp - What an operation costs ----------------------------------===//
//
// Weights of everything but contractions are ratios of time: how many
// operations of a contraction take as long.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Partition/Cost.h"
#include "lib/Dialect/Pipe/IR/Pipe.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace bitpipe;

/// One element read or written: 4 bytes at 10 GB/s take as long as 40 operations
/// at 100 GFLOP/s.
static constexpr double elementWeight = 40;
/// One number of a dropout: two rounds of a hash.
static constexpr double maskWeight = 16;
/// One element of an exponential, a tanh and the like, in vectors.
static constexpr double functionWeight = 16;

Cost &Cost::operator+=(const Cost &other) {
  forward += other.forward;
  inputGradient += other.inputGradient;
  weightGradient += other.weightGradient;
  return *this;
}

static double elements(Value value) {
  auto type = dyn_cast<ShapedType>(value.getType());
  return type && type.hasStaticShape() ? double(type.getNumElements()) : 1;
}

static double traffic(Operation *op) {
  double total = 0;
  auto destination = dyn_cast<DestinationStyleOpInterface>(op);
  for (OpOperand &operand : op->getOpOperands())
    if (!destination || !destination.isDpsInit(&operand))
      total += elements(operand.get());
  for (Value result : op->getResults())
    total += elements(result);
  return total * elementWeight;
}

/// Adds the cost of one gradient to the pass that computes it.
static void addGradient(Cost &cost, GradientOf of, double amount) {
  if (of == GradientOf::Activation)
    cost.inputGradient += amount;
  if (of == GradientOf::Parameter)
    cost.weightGradient += amount;
}

/// A power with a small whole exponent is computed by products.
static double operationCost(Operation &op) {
  APFloat exponent(0.0);
  if (auto power = dyn_cast<math::PowFOp>(op))
    if (matchPattern(power.getRhs(), m_ConstantFloat(&exponent)) && exponent.isInteger())
      return std::min(std::abs(std::abs(exponent.convertToDouble()) - 1), functionWeight);
  return isa<math::MathDialect>(op.getDialect()) ? functionWeight : 1;
}

static double bodyOperations(linalg::GenericOp op) {
  double total = 0;
  for (Operation &inner : op.getBody()->without_terminator())
    total += operationCost(inner);
  return total;
}

static bool isContraction(linalg::GenericOp op) {
  if (op.getNumReductionLoops() == 0 || op.getNumDpsInputs() != 2)
    return false;
  Block *body = op.getBody();
  return !body->getOps<arith::MulFOp>().empty() &&
         !body->getOps<arith::AddFOp>().empty() && body->getOperations().size() == 3;
}

static Cost genericCost(linalg::GenericOp op,
                        llvm::function_ref<GradientOf(Value)> needs) {
  double points = 1;
  for (int64_t range : op.getStaticLoopRanges())
    points *= ShapedType::isDynamic(range) ? 1 : range;
  Cost cost;
  if (isContraction(op)) {
    cost.forward = 2 * points;
    for (Value operand : op.getInputs())
      addGradient(cost, needs(operand), 2 * points);
    return cost;
  }
  cost.forward = points * bodyOperations(op) + traffic(op);
  // The chain's gradients are computed together, by operations like its own.
  bool activation = false, parameter = false;
  for (Value operand : op.getInputs()) {
    activation |= needs(operand) == GradientOf::Activation;
    parameter |= needs(operand) == GradientOf::Parameter;
  }
  addGradient(cost, activation ? GradientOf::Activation : GradientOf::Nothing,
              1.5 * cost.forward);
  addGradient(cost, parameter ? GradientOf::Parameter : GradientOf::Nothing,
              cost.forward);
  return cost;
}

/// Gather copies rows; its table's gradient adds rows to rows.
static Cost gatherCost(pipe::GatherOp op,
                       llvm::function_ref<GradientOf(Value)> needs) {
  Cost cost;
  cost.forward = 2 * elementWeight * elements(op.getResult(0));
  addGradient(cost, needs(op.getInputs()[0]), 1.5 * cost.forward);
  return cost;
}

/// An operation that walks over the rows of its first input a few times.
static Cost rowCost(Operation *op, double functions,
                    llvm::function_ref<GradientOf(Value)> needs) {
  Cost cost;
  cost.forward =
      traffic(op) + functions * functionWeight * elements(op->getOperand(0));
  addGradient(cost, needs(op->getOperand(0)), 1.5 * traffic(op));
  return cost;
}

/// Value and gradients are computed together by the input gradient: a product
/// for the logits, one for each of the two gradients, and a walk over the rows.
static Cost linearCrossEntropyCost(pipe::LinearCrossEntropyOp op,
                                   llvm::function_ref<GradientOf(Value)> needs) {
  Value x = op.getInputs()[0], weight = op.getInputs()[1];
  double rows = elements(op.getInputs()[2]);
  auto shape = cast<ShapedType>(weight.getType()).getShape();
  double classes = shape[op.getTransposed() ? 1 : 0];
  double product = 2 * rows * elements(weight);
  double perLogit = 4 * elementWeight + 2 * functionWeight;
  Cost cost;
  cost.forward = elements(x);
  cost.inputGradient = product + perLogit * rows * classes;
  for (Value operand : {x, weight})
    if (needs(operand) != GradientOf::Nothing)
      cost.inputGradient += product;
  return cost;
}

/// The gradient draws the same mask.
static Cost dropoutCost(pipe::DropoutOp op,
                        llvm::function_ref<GradientOf(Value)> needs) {
  Cost cost;
  cost.forward = traffic(op) + maskWeight * elements(op.getResult(0));
  addGradient(cost, needs(op.getInputs()[0]), cost.forward);
  return cost;
}

/// Products of what the band holds, exponentials and masks beside them. The gradient
/// makes the scores again and three more products of each kind.
static Cost attentionCost(pipe::AttentionOp op,
                          llvm::function_ref<GradientOf(Value)> needs) {
  pipe::AttentionSizes sizes = op.getSizes();
  double scores = double(sizes.batch) * sizes.heads * op.countBand();
  double each = functionWeight * (op.getSoftcap() ? 2 : 1) + (op.getDropout() ? maskWeight : 0);
  Cost cost;
  cost.forward = scores * (2 * (sizes.size + sizes.valueSize) + each) + traffic(op);
  bool activation = false, parameter = false;
  for (Value operand : op.getInputs()) {
    activation |= needs(operand) == GradientOf::Activation;
    parameter |= needs(operand) == GradientOf::Parameter;
  }
  GradientOf of = activation  ? GradientOf::Activation
                  : parameter ? GradientOf::Parameter
                              : GradientOf::Nothing;
  addGradient(cost, of, scores * (6 * sizes.size + 4 * sizes.valueSize + each) + 2 * traffic(op));
  return cost;
}

Cost CountedCost::cost(Operation *op,
                       llvm::function_ref<GradientOf(Value)> needs) const {
  return llvm::TypeSwitch<Operation *, Cost>(op)
      .Case([&](linalg::GenericOp op) { return genericCost(op, needs); })
      .Case([&](pipe::GatherOp op) { return gatherCost(op, needs); })
      .Case([&](pipe::DropoutOp op) { return dropoutCost(op, needs); })
      .Case([&](pipe::AttentionOp op) { return attentionCost(op, needs); })
      .Case([&](pipe::SoftmaxOp op) { return rowCost(op, 1, needs); })
      .Case([&](pipe::CrossEntropyOp op) { return rowCost(op, 1, needs); })
      .Case([&](pipe::LinearCrossEntropyOp op) { return linearCrossEntropyCost(op, needs); })
      .Case([&](pipe::LayerNormOp op) {
        Cost cost = rowCost(op, 0, needs);
        addGradient(cost, needs(op.getInputs()[1]), traffic(op));
        return cost;
      })
      .Default([&](Operation *op) {
        Cost cost;
        cost.forward = traffic(op);
        for (Value operand : op->getOperands())
          addGradient(cost, needs(operand), elements(operand) * elementWeight);
        return cost;
      });
}
