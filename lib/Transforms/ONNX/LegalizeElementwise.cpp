//===- LegalizeElementwise.cpp - Scalar functions to linalg.generic --------===//

#include "lib/Transforms/ONNX/Build.h"
#include "lib/Transforms/ONNX/IntegerBodies.h"
#include "lib/Transforms/ONNX/Legalize.h"
#include "lib/Transforms/ONNX/Passes.h"
#include "lib/Transforms/ONNX/ScalarBodies.h"

namespace bitpipe {
#define GEN_PASS_DEF_LEGALIZEELEMENTWISE
#include "lib/Transforms/ONNX/Passes.h.inc"
} // namespace bitpipe

using namespace mlir;
using namespace bitpipe;

namespace {

Lowered lowerElementwise(OpBuilder &b, const Node &node) {
  ScalarFunction function = scalarFunction(node.kind());
  Type element = node.inputType(0).getElementType();
  if (isa<FloatType>(element) ? !function.real : !function.integer)
    return node.error() << "is not defined on " << element;
  return lowered(elementwise(
      b, node.loc(), node.resultType(), node.getOp().getOperands(),
      [&](OpBuilder &inner, Location loc, ValueRange args) {
        auto apply = isa<FloatType>(element) ? function.real : function.integer;
        Value result = apply(inner, loc, args.take_front(2));
        for (Value next : args.drop_front(std::min<size_t>(2, args.size())))
          result = apply(inner, loc, {result, next});
        return result;
      }));
}

/// One operand of Max or Min is passed on.
Lowered lowerVariadic(OpBuilder &b, const Node &node) {
  if (node.numInputs() == 1)
    return lowered(node.input(0));
  return lowerElementwise(b, node);
}

Lowered lowerWhere(OpBuilder &b, const Node &node) {
  return lowered(elementwise(
      b, node.loc(), node.resultType(), node.getOp().getOperands(),
      [](OpBuilder &inner, Location loc, ValueRange args) -> Value {
        return arith::SelectOp::create(inner, loc, args[0], args[1], args[2]);
      }));
}

Lowered lowerCast(OpBuilder &b, const Node &node) {
  RankedTensorType type = node.resultType();
  return lowered(elementwise(
      b, node.loc(), type, node.input(0),
      [&](OpBuilder &inner, Location loc, ValueRange args) {
        return castScalar(inner, loc, args[0], type.getElementType());
      }));
}

Lowered lowerExpand(OpBuilder &b, const Node &node) {
  return lowered(broadcast(b, node.loc(), node.resultType(), node.input(0)));
}

Lowered lowerGelu(OpBuilder &b, const Node &node) {
  bool tanh = node.string("approximate", "none") == "tanh";
  return lowered(elementwise(
      b, node.loc(), node.resultType(), node.input(0),
      [&](OpBuilder &inner, Location loc, ValueRange args) {
        return tanh ? geluTanh(inner, loc, args[0])
                    : geluErf(inner, loc, args[0]);
      }));
}

/// A power of integers: by a broken exponent in f64.
Lowered lowerIntegerPow(OpBuilder &b, const Node &node) {
  bool broken = isa<FloatType>(node.inputType(1).getElementType());
  return lowered(elementwise(
      b, node.loc(), node.resultType(), node.getOp().getOperands(),
      [&](OpBuilder &inner, Location loc, ValueRange args) -> Value {
        Type type = args[0].getType(), real = inner.getF64Type();
        if (!broken)
          return powInteger(inner, loc, {args[0], castScalar(inner, loc, args[1], type)});
        Value power = math::PowFOp::create(inner, loc, castScalar(inner, loc, args[0], real),
                                           castScalar(inner, loc, args[1], real));
        return castScalar(inner, loc, power, type);
      }));
}

Lowered lowerMod(OpBuilder &b, const Node &node) {
  bool ofDividend = node.integer("fmod", 0);
  bool isReal = isa<FloatType>(node.inputType(0).getElementType());
  if (isReal && !ofDividend)
    return node.error() << "is of floats and has fmod 0, expected fmod 1";
  return lowered(elementwise(
      b, node.loc(), node.resultType(), node.getOp().getOperands(),
      [&](OpBuilder &inner, Location loc, ValueRange args) -> Value {
        if (!isReal)
          return moduloInteger(inner, loc, args, ofDividend);
        return arith::RemFOp::create(inner, loc, args[0], args[1]);
      }));
}

/// A constant exponent stays one of the body, where it is known.
Lowered lowerPow(OpBuilder &b, const Node &node) {
  DenseElementsAttr exponent = constantOf(node.input(1));
  std::optional<double> number;
  if (exponent && exponent.isSplat() &&
      isa<FloatType>(exponent.getElementType()))
    number = exponent.getSplatValue<APFloat>().convertToDouble();
  else if (exponent && exponent.isSplat())
    number = exponent.getSplatValue<APInt>().getSExtValue();
  if (!isa<FloatType>(node.inputType(0).getElementType()))
    return lowerIntegerPow(b, node);
  if (number)
    return lowered(elementwise(
        b, node.loc(), node.resultType(), node.input(0),
        [&](OpBuilder &inner, Location loc, ValueRange args) {
          return powScalar(inner, loc, args[0], *number);
        }));
  return lowered(elementwise(
      b, node.loc(), node.resultType(), node.getOp().getOperands(),
      [](OpBuilder &inner, Location loc, ValueRange args) -> Value {
        return math::PowFOp::create(
            inner, loc, args[0],
            castScalar(inner, loc, args[1], args[0].getType()));
      }));
}

struct LegalizeElementwise
    : bitpipe::impl::LegalizeElementwiseBase<LegalizeElementwise> {
  void runOnOperation() override {
    llvm::StringMap<Lowering> lowerings{
        {"Where", lowerWhere},   {"Cast", lowerCast}, {"CastLike", lowerCast},
        {"Expand", lowerExpand}, {"Gelu", lowerGelu}, {"Pow", lowerPow},
        {"Mod", lowerMod},
        {"Max", lowerVariadic},  {"Min", lowerVariadic}};
    for (StringRef kind : scalarFunctionNames())
      lowerings.try_emplace(kind, lowerElementwise);
    if (failed(legalizeNodes(getOperation(), lowerings)))
      signalPassFailure();
  }
};

} // namespace
