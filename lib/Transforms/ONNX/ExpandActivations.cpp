//===- ExpandActivations.cpp - Activations in terms of other nodes ---------===//
//
// Each chooses with Where as PyTorch does, so that the gradient at a kink is
// the same. What is not chosen is computed all the same and its gradient is
// multiplied by zero, so it must stay finite.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/ONNX/Expansion.h"

#include <limits>

using namespace mlir;
using namespace bitpipe;

namespace {

Value greater(Expansion &e, Value x, double limit) {
  return e.make("Greater", {x, e.number(x, limit)});
}

/// x where it is positive, otherwise what `below` makes of it, which sees zero
/// where x is positive and so cannot overflow there.
Value positiveOr(Expansion &e, Value x, function_ref<Value(Value)> below) {
  Value positive = greater(e, x, 0);
  Value rest = e.where(positive, e.number(x, 0), x);
  return e.where(positive, x, below(rest));
}

Value expMinusOne(Expansion &e, Value x) {
  return e.sub(e.make("Exp", x), e.number(x, 1));
}

/// log(1 + exp(x)), which is x where exp would be large.
Value softplus(Expansion &e, Value x) {
  constexpr double large = 20;
  Value isLarge = greater(e, x, large);
  Value rest = e.where(isLarge, e.number(x, 0), x);
  Value sum = e.add(e.make("Exp", rest), e.number(x, 1));
  return e.where(isLarge, x, e.make("Log", sum));
}

Value hardSigmoid(Expansion &e, Value x, double alpha, double beta) {
  Value line = e.add(e.mul(x, alpha), e.number(x, beta));
  Value one = e.number(x, 1), zero = e.number(x, 0);
  Value capped =
      e.where(e.make("GreaterOrEqual", {line, one}), one, line);
  return e.where(e.make("LessOrEqual", {line, zero}), zero, capped);
}

//===----------------------------------------------------------------------===//
// Operators
//===----------------------------------------------------------------------===//

/// Elements at a bound pass their gradient on; of two bounds that cross the
/// upper one counts.
Lowered expandClip(Expansion &e, const Node &node) {
  Value y = node.input(0);
  for (auto [position, outside] : {std::pair(1u, "Less"), {2u, "Greater"}})
    if (Value bound = node.input(position)) {
      bound = e.reshape(bound, {});
      y = e.where(e.make(outside, {y, bound}), bound, y);
    }
  return lowered(y);
}

LogicalResult inferClip(const Node &node, SmallVectorImpl<Type> &types) {
  for (unsigned i : {1u, 2u})
    if (node.input(i) && (node.inputType(i).getNumElements() != 1 ||
                          node.inputType(i).getElementType() !=
                              node.inputType(0).getElementType()))
      return node.error() << "a bound is " << node.inputType(i)
                          << ", expected one number of the type of "
                          << node.inputType(0);
  return inferSameAsInput(node, types);
}

Lowered expandSoftplus(Expansion &e, const Node &node) {
  return lowered(softplus(e, node.input(0)));
}

Lowered expandMish(Expansion &e, const Node &node) {
  Value x = node.input(0);
  return lowered(e.mul(x, e.make("Tanh", softplus(e, x))));
}

Lowered expandHardSigmoid(Expansion &e, const Node &node) {
  return lowered(hardSigmoid(e, node.input(0), node.real("alpha", 0.2),
                             node.real("beta", 0.5)));
}

Lowered expandHardSwish(Expansion &e, const Node &node) {
  Value x = node.input(0);
  return lowered(e.mul(x, hardSigmoid(e, x, 1.0 / 6, 0.5)));
}

Lowered expandLeakyRelu(Expansion &e, const Node &node) {
  double slope = node.real("alpha", 0.01);
  return lowered(positiveOr(e, node.input(0),
                            [&](Value x) { return e.mul(x, slope); }));
}

Lowered expandElu(Expansion &e, const Node &node) {
  double alpha = node.real("alpha", 1);
  return lowered(positiveOr(e, node.input(0), [&](Value x) {
    return e.mul(expMinusOne(e, x), alpha);
  }));
}

Lowered expandCelu(Expansion &e, const Node &node) {
  double alpha = node.real("alpha", 1);
  return lowered(positiveOr(e, node.input(0), [&](Value x) {
    return e.mul(expMinusOne(e, e.mul(x, 1 / alpha)), alpha);
  }));
}

std::string checkCelu(const Node &node) {
  return node.real("alpha", 1) != 0 ? "" : "alpha 0";
}

Lowered expandSelu(Expansion &e, const Node &node) {
  double alpha = node.real("alpha", 1.67326319217681884765625);
  double gamma = node.real("gamma", 1.05070102214813232421875);
  Value y = positiveOr(e, node.input(0), [&](Value x) {
    return e.mul(expMinusOne(e, x), alpha);
  });
  return lowered(e.mul(y, gamma));
}

Lowered expandPRelu(Expansion &e, const Node &node) {
  Value x = node.input(0), slope = node.input(1);
  return lowered(e.where(greater(e, x, 0), x, e.mul(x, slope)));
}

/// The slope is repeated to the input's shape, not the other way round.
LogicalResult inferPRelu(const Node &node, SmallVectorImpl<Type> &types) {
  auto both = broadcastShapes(node.inputShape(0), node.inputShape(1));
  if (!both || ArrayRef(*both) != node.inputShape(0))
    return node.error() << "a slope of " << node.inputType(1)
                        << " does not fit to " << node.inputType(0);
  return inferSameAsInput(node, types);
}

Lowered expandThresholdedRelu(Expansion &e, const Node &node) {
  Value x = node.input(0);
  Value above = greater(e, x, node.real("alpha", 1));
  return lowered(e.where(above, x, e.number(x, 0)));
}

Lowered expandSoftsign(Expansion &e, const Node &node) {
  Value x = node.input(0);
  return lowered(e.div(x, e.add(e.make("Abs", x), e.number(x, 1))));
}

/// Beyond lambda, towards zero by bias; zero in between.
Lowered expandShrink(Expansion &e, const Node &node) {
  Value x = node.input(0), zero = e.number(x, 0);
  double lambda = node.real("lambd", 0.5), bias = node.real("bias", 0);
  Value below = e.make("Less", {x, e.number(x, -lambda)});
  Value low = e.where(below, e.add(x, e.number(x, bias)), zero);
  return lowered(e.where(greater(e, x, lambda), e.sub(x, e.number(x, bias)),
                         low));
}

/// No gradient; not a number stays so.
Lowered expandSign(Expansion &e, const Node &node) {
  Value x = node.input(0), zero = e.number(x, 0);
  Value negative = e.make("Less", {x, zero});
  Value low = e.where(negative, e.number(x, -1), zero);
  Value sign = e.where(greater(e, x, 0), e.number(x, 1), low);
  if (!isa<FloatType>(elementOf(x)))
    return lowered(sign);
  Value nan = e.number(x, std::numeric_limits<double>::quiet_NaN());
  return lowered(e.where(e.make("IsNaN", x), nan, sign));
}

/// Halves go to the even neighbour.
Lowered expandRound(Expansion &e, const Node &node) {
  Value x = node.input(0), half = e.number(x, 0.5);
  Value floor = e.make("Floor", x);
  Value above = e.add(floor, e.number(x, 1));
  Value rest = e.sub(x, floor);
  Value halfFloor = e.mul(floor, half);
  Value isEven = e.make("Equal", {halfFloor, e.make("Floor", halfFloor)});
  Value tie = e.where(isEven, floor, above);
  Value upper = e.where(e.make("Greater", {rest, half}), above, tie);
  return lowered(e.where(e.make("Less", {rest, half}), floor, upper));
}

Lowered expandIsInf(Expansion &e, const Node &node) {
  Value x = node.input(0);
  constexpr double infinity = std::numeric_limits<double>::infinity();
  Value found = e.make("Less", {x, x}); // never
  if (node.integer("detect_positive", 1))
    found = e.make("Or", {found, e.make("Equal", {x, e.number(x, infinity)})});
  if (node.integer("detect_negative", 1))
    found = e.make("Or", {found, e.make("Equal", {x, e.number(x, -infinity)})});
  return lowered(found);
}

LogicalResult inferFloats(const Node &node, SmallVectorImpl<Type> &types) {
  if (!isa<FloatType>(node.inputType(0).getElementType()))
    return node.error() << "is of " << node.inputType(0) << ", expected floats";
  return inferSameAsInput(node, types);
}

LogicalResult inferIsInf(const Node &node, SmallVectorImpl<Type> &types) {
  if (failed(inferFloats(node, types)))
    return failure();
  types.back() = node.inputType(0).clone(
      IntegerType::get(node.loc().getContext(), 1));
  return success();
}

Lowered expandSum(Expansion &e, const Node &node) {
  Value sum = node.input(0);
  for (Value next : node.getOp().getOperands().drop_front())
    sum = e.add(sum, next);
  return lowered(sum);
}

Lowered expandMean(Expansion &e, const Node &node) {
  Value sum = expandSum(e, node)->front();
  return lowered(e.mul(sum, 1.0 / node.numInputs()));
}

LogicalResult inferSum(const Node &node, SmallVectorImpl<Type> &types) {
  auto shape = broadcastInputs(node);
  if (!shape)
    return failure();
  for (unsigned i = 0; i < node.numInputs(); ++i)
    if (node.inputType(i).getElementType() !=
            node.inputType(0).getElementType() ||
        !isa<FloatType>(node.inputType(i).getElementType()))
      return node.error() << "input " << i << " is " << node.inputType(i)
                          << ", expected floats of one type";
  types.push_back(node.inputType(0).clone(*shape));
  return success();
}

} // namespace

void bitpipe::addActivationOperators(OperatorTable &table) {
  auto add = [&](StringRef kind, Operator::Expand expand,
                 Operator::Infer infer = inferFloats) {
    table[kind] = {1, 1, infer, nullptr, ~0u, nullptr, expand};
  };
  add("Softplus", expandSoftplus);
  add("Mish", expandMish);
  add("HardSigmoid", expandHardSigmoid);
  add("HardSwish", expandHardSwish);
  add("LeakyRelu", expandLeakyRelu);
  add("Elu", expandElu);
  add("Celu", expandCelu);
  table["Celu"].check = checkCelu;
  add("Selu", expandSelu);
  add("ThresholdedRelu", expandThresholdedRelu);
  add("Softsign", expandSoftsign);
  add("Shrink", expandShrink);
  add("Sign", expandSign, inferSameAsInput);
  add("Round", expandRound);
  add("IsInf", expandIsInf, inferIsInf);
  table["Clip"] = {1, 3, inferClip, nullptr, ~0u, nullptr, expandClip};
  table["PRelu"] = {2, 2, inferPRelu, nullptr, ~0u, nullptr, expandPRelu};
  table["Sum"] = {1, ~0u, inferSum, nullptr, ~0u, nullptr, expandSum};
  table["Mean"] = {1, ~0u, inferSum, nullptr, ~0u, nullptr, expandMean};
}
