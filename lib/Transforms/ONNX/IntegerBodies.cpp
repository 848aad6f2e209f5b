//===- IntegerBodies.cpp - Arithmetic of integers that never traps ---------===//

#include "lib/Transforms/ONNX/IntegerBodies.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <cmath>

using namespace mlir;
using namespace bitpipe;
using enum arith::CmpIPredicate;

namespace {

/// Integers of one type.
class Integers {
public:
  Integers(OpBuilder &b, Location loc, Type type) : b(b), loc(loc), type(type) {}

  Value number(int64_t value) {
    return make<arith::ConstantOp>(b.getIntegerAttr(type, value));
  }
  Value is(arith::CmpIPredicate predicate, Value x, int64_t y) {
    return make<arith::CmpIOp>(predicate, x, number(y));
  }
  Value select(Value condition, Value yes, Value no) {
    return make<arith::SelectOp>(condition, yes, no);
  }
  Value both(Value x, Value y) { return make<arith::AndIOp>(x, y); }
  Value lowestBitOf(Value x) { return is(ne, both(x, number(1)), 0); }
  /// A divisor by which the machine can divide.
  Value safe(Value y) {
    Value unsafe = make<arith::OrIOp>(is(eq, y, 0), is(eq, y, -1));
    return select(unsafe, number(1), y);
  }
  template <typename Op, typename... Args>
  Value make(Args &&...args) {
    return Op::create(b, loc, std::forward<Args>(args)...);
  }

private:
  OpBuilder &b;
  Location loc;
  Type type;
};

} // namespace

Value bitpipe::divideInteger(OpBuilder &b, Location loc, ValueRange args) {
  Value x = args[0], y = args[1];
  Integers i(b, loc, x.getType());
  Value quotient = i.make<arith::DivSIOp>(x, i.safe(y));
  Value negated = i.make<arith::SubIOp>(i.number(0), x);
  quotient = i.select(i.is(eq, y, -1), negated, quotient);
  return i.select(i.is(eq, y, 0), i.number(0), quotient);
}

Value bitpipe::moduloInteger(OpBuilder &b, Location loc, ValueRange args, bool ofDividend) {
  Value x = args[0], y = args[1];
  Integers i(b, loc, x.getType());
  Value rest = i.make<arith::RemSIOp>(x, i.safe(y)); // zero where that is 1
  if (ofDividend)
    return rest;
  Value differ = i.is(slt, i.make<arith::XOrIOp>(rest, y), 0);
  Value moved = i.make<arith::AddIOp>(rest, y);
  return i.select(i.both(i.is(ne, rest, 0), differ), moved, rest);
}

/// By squaring. Exponents above 63 leave of an even base 0 and of 1 and -1 the
/// parity, which 62 and 63 say as well.
Value bitpipe::powInteger(OpBuilder &b, Location loc, ValueRange args) {
  Value x = args[0], y = args[1];
  Integers i(b, loc, x.getType());
  Value parity = i.both(y, i.number(1));
  Value large = i.make<arith::AddIOp>(parity, i.number(62));
  Value exponent = i.select(i.is(sgt, y, 63), large, y);
  Value result = i.number(1), square = x;
  for (int bit = 0; bit < 6; ++bit) {
    Value isSet = i.lowestBitOf(i.make<arith::ShRSIOp>(exponent, i.number(bit)));
    result = i.select(isSet, i.make<arith::MulIOp>(result, square), result);
    square = i.make<arith::MulIOp>(square, square);
  }
  Value sign = i.select(i.lowestBitOf(y), i.number(-1), i.number(1));
  Value unit = i.select(i.is(eq, x, -1), sign, i.number(0));
  Value fraction = i.select(i.is(eq, x, 1), i.number(1), unit);
  return i.select(i.is(slt, y, 0), fraction, result);
}

Value bitpipe::castRealToInteger(OpBuilder &b, Location loc, Value value, Type to) {
  unsigned bits = to.getIntOrFloatBitWidth();
  Integers i(b, loc, to);
  auto compare = [&](arith::CmpFPredicate predicate, double number) -> Value {
    Value bound = arith::ConstantOp::create(b, loc, b.getFloatAttr(value.getType(), number));
    return arith::CmpFOp::create(b, loc, predicate, value, bound);
  };
  double limit = std::ldexp(1, bits - 1);
  Value tooLarge = compare(arith::CmpFPredicate::OGE, limit);
  Value tooSmall = compare(arith::CmpFPredicate::OLT, -limit);
  Value isNan = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNO, value, value);
  Value zero = arith::ConstantOp::create(b, loc, b.getFloatAttr(value.getType(), 0));
  Value unfit = arith::OrIOp::create(b, loc, arith::OrIOp::create(b, loc, tooLarge, tooSmall), isNan);
  Value fitting = arith::SelectOp::create(b, loc, unfit, zero, value);
  Value result = arith::FPToSIOp::create(b, loc, to, fitting);
  result = i.select(tooSmall, i.number(APInt::getSignedMinValue(bits).getSExtValue()), result);
  return i.select(tooLarge, i.number(APInt::getSignedMaxValue(bits).getSExtValue()), result);
}

int64_t bitpipe::quotientOf(int64_t x, int64_t y) {
  if (y == 0)
    return 0;
  return y == -1 ? int64_t(-uint64_t(x)) : x / y;
}

int64_t bitpipe::moduloOf(int64_t x, int64_t y, bool ofDividend) {
  if (y == 0 || y == -1)
    return 0;
  int64_t rest = x % y;
  bool moves = !ofDividend && rest != 0 && (rest < 0) != (y < 0);
  return moves ? rest + y : rest;
}

int64_t bitpipe::powerOf(int64_t x, int64_t y) {
  if (y < 0)
    return x == 1 || (x == -1 && y % 2 == 0) ? 1 : x == -1 ? -1 : 0;
  uint64_t result = 1, square = x;
  for (uint64_t rest = y; rest; rest >>= 1, square *= square)
    result *= rest & 1 ? square : 1;
  return result;
}

int64_t bitpipe::toInteger(double value, Type to) {
  if (to.isInteger(1))
    return value != 0;
  if (std::isnan(value))
    return 0;
  unsigned bits = to.getIntOrFloatBitWidth();
  double limit = std::ldexp(1, bits - 1);
  if (value >= limit)
    return APInt::getSignedMaxValue(bits).getSExtValue();
  return value < -limit ? APInt::getSignedMinValue(bits).getSExtValue() : int64_t(value);
}

int64_t bitpipe::wrapped(int64_t value, Type to) {
  unsigned bits = to.getIntOrFloatBitWidth();
  return bits >= 64 ? value : APInt(64, value).trunc(bits).getSExtValue();
}
