//===- ScalarBodies.cpp - ONNX's scalar functions in arith and math --------===//

#include "lib/Transforms/ONNX/ScalarBodies.h"
#include "lib/Transforms/ONNX/Build.h"
#include "lib/Transforms/ONNX/IntegerBodies.h"

#include <cmath>

using namespace mlir;
using namespace bitpipe;

namespace {

/// An operation on all arguments.
template <typename Op>
Value make(OpBuilder &b, Location loc, ValueRange args) {
  return Op::create(b, loc, args).getResult();
}

template <arith::CmpFPredicate predicate>
Value compareReal(OpBuilder &b, Location loc, ValueRange args) {
  return arith::CmpFOp::create(b, loc, predicate, args[0], args[1]);
}

template <arith::CmpIPredicate predicate>
Value compareInteger(OpBuilder &b, Location loc, ValueRange args) {
  return arith::CmpIOp::create(b, loc, predicate, args[0], args[1]);
}

Value isNan(OpBuilder &b, Location loc, ValueRange args) {
  return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNO, args[0],
                               args[0]);
}

Value logicalNot(OpBuilder &b, Location loc, ValueRange args) {
  return arith::XOrIOp::create(b, loc, args[0],
                               scalar(b, loc, args[0].getType(), 1));
}

Value negateInteger(OpBuilder &b, Location loc, ValueRange args) {
  return arith::SubIOp::create(b, loc, scalar(b, loc, args[0].getType(), 0),
                               args[0]);
}

Value reciprocal(OpBuilder &b, Location loc, ValueRange args) {
  return arith::DivFOp::create(b, loc, scalar(b, loc, args[0].getType(), 1),
                               args[0]);
}

Value sigmoid(OpBuilder &b, Location loc, ValueRange args) {
  Value one = scalar(b, loc, args[0].getType(), 1);
  Value negated = arith::NegFOp::create(b, loc, args[0]);
  Value exp = math::ExpOp::create(b, loc, negated);
  Value sum = arith::AddFOp::create(b, loc, exp, one);
  return arith::DivFOp::create(b, loc, one, sum);
}

/// A choice and no maximum: at zero its slope is zero.
Value relu(OpBuilder &b, Location loc, ValueRange args) {
  Value zero = scalar(b, loc, args[0].getType(), 0);
  Value isOff = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLE, args[0], zero);
  return arith::SelectOp::create(b, loc, isOff, zero, args[0]);
}

const llvm::StringMap<ScalarFunction> &functions() {
  using enum arith::CmpFPredicate;
  using IntegerPredicate = arith::CmpIPredicate;
  static const llvm::StringMap<ScalarFunction> table = {
      {"Add", {make<arith::AddFOp>, make<arith::AddIOp>}},
      {"Sub", {make<arith::SubFOp>, make<arith::SubIOp>}},
      {"Mul", {make<arith::MulFOp>, make<arith::MulIOp>}},
      {"Div", {make<arith::DivFOp>, divideInteger}},
      {"Max", {make<arith::MaximumFOp>, make<arith::MaxSIOp>}},
      {"Min", {make<arith::MinimumFOp>, make<arith::MinSIOp>}},
      {"And", {nullptr, make<arith::AndIOp>}},
      {"Or", {nullptr, make<arith::OrIOp>}},
      {"Xor", {nullptr, make<arith::XOrIOp>}},
      {"Not", {nullptr, logicalNot}},
      {"Neg", {make<arith::NegFOp>, negateInteger}},
      {"Abs", {make<math::AbsFOp>, make<math::AbsIOp>}},
      {"Sqrt", {make<math::SqrtOp>, nullptr}},
      {"Exp", {make<math::ExpOp>, nullptr}},
      {"Log", {make<math::LogOp>, nullptr}},
      {"Cos", {make<math::CosOp>, nullptr}},
      {"Sin", {make<math::SinOp>, nullptr}},
      {"Tanh", {make<math::TanhOp>, nullptr}},
      {"Erf", {make<math::ErfOp>, nullptr}},
      {"Floor", {make<math::FloorOp>, nullptr}},
      {"Ceil", {make<math::CeilOp>, nullptr}},
      {"Reciprocal", {reciprocal, nullptr}},
      {"Sigmoid", {sigmoid, nullptr}},
      {"Relu", {relu, nullptr}},
      {"IsNaN", {isNan, nullptr}},
      {"Equal", {compareReal<OEQ>, compareInteger<IntegerPredicate::eq>}},
      {"Less", {compareReal<OLT>, compareInteger<IntegerPredicate::slt>}},
      {"LessOrEqual",
       {compareReal<OLE>, compareInteger<IntegerPredicate::sle>}},
      {"Greater", {compareReal<OGT>, compareInteger<IntegerPredicate::sgt>}},
      {"GreaterOrEqual",
       {compareReal<OGE>, compareInteger<IntegerPredicate::sge>}},
  };
  return table;
}

} // namespace

ScalarFunction bitpipe::scalarFunction(StringRef onnxName) {
  return functions().lookup(onnxName);
}

SmallVector<StringRef> bitpipe::scalarFunctionNames() {
  return llvm::to_vector(functions().keys());
}

Value bitpipe::castScalar(OpBuilder &b, Location loc, Value value, Type to) {
  Type from = value.getType();
  if (from == to)
    return value;
  bool toReal = isa<FloatType>(to), fromReal = isa<FloatType>(from);
  unsigned toBits = to.getIntOrFloatBitWidth();
  unsigned fromBits = from.getIntOrFloatBitWidth();
  if (toBits == 1 && !toReal) { // truth: anything but zero
    Value zero = scalar(b, loc, from, 0);
    if (fromReal)
      return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNE, value,
                                   zero);
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, value, zero);
  }
  if (toReal && fromReal) {
    if (toBits > fromBits)
      return arith::ExtFOp::create(b, loc, to, value);
    return arith::TruncFOp::create(b, loc, to, value);
  }
  if (toReal && fromBits == 1)
    return arith::UIToFPOp::create(b, loc, to, value);
  if (toReal)
    return arith::SIToFPOp::create(b, loc, to, value);
  if (fromReal)
    return castRealToInteger(b, loc, value, to);
  if (fromBits == 1)
    return arith::ExtUIOp::create(b, loc, to, value);
  if (toBits > fromBits)
    return arith::ExtSIOp::create(b, loc, to, value);
  return arith::TruncIOp::create(b, loc, to, value);
}

Value bitpipe::powScalar(OpBuilder &b, Location loc, Value x, double exponent) {
  if (exponent == 0.5)
    return math::SqrtOp::create(b, loc, x);
  return math::PowFOp::create(b, loc, x, scalar(b, loc, x.getType(), exponent));
}

/// x / 2 * (1 + inner)
static Value halfOf(OpBuilder &b, Location loc, Value x, Value inner) {
  Value sum =
      arith::AddFOp::create(b, loc, inner, scalar(b, loc, x.getType(), 1));
  Value half =
      arith::MulFOp::create(b, loc, x, scalar(b, loc, x.getType(), 0.5));
  return arith::MulFOp::create(b, loc, half, sum);
}

Value bitpipe::geluErf(OpBuilder &b, Location loc, Value x) {
  Value factor = scalar(b, loc, x.getType(), M_SQRT1_2);
  Value scaled = arith::MulFOp::create(b, loc, x, factor);
  return halfOf(b, loc, x, math::ErfOp::create(b, loc, scaled));
}

Value bitpipe::geluTanh(OpBuilder &b, Location loc, Value x) {
  Value cube = powScalar(b, loc, x, 3);
  Value small = arith::MulFOp::create(b, loc, cube,
                                      scalar(b, loc, x.getType(), 0.044715));
  Value sum = arith::AddFOp::create(b, loc, x, small);
  Value factor = scalar(b, loc, x.getType(), std::sqrt(2 / M_PI));
  Value scaled = arith::MulFOp::create(b, loc, sum, factor);
  return halfOf(b, loc, x, math::TanhOp::create(b, loc, scaled));
}
