//===- WideMath.cpp - f32 functions computed in f64 ------------------------===//
//
// The functions that kernels seldom compute. In f64 simple formulas are right to
// the last place of f32 or the one before it everywhere: for numbers below the
// normal ones, next to zeros and poles, and for sine and cosine of the largest
// numbers.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Kernels/Arithmetic.h"
#include "lib/Transforms/Kernels/ExpandMath.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/PatternMatch.h"

#include <cmath>

using namespace mlir;
using namespace bitpipe;
using enum arith::CmpFPredicate;

namespace {

//===----------------------------------------------------------------------===//
// Logarithms and powers
//===----------------------------------------------------------------------===//

/// ln x = k ln 2 + ln m with m next to 1, and ln m = 2 atanh((m - 1) / (m + 1)).
Value logarithm(Arithmetic &a, Value x) {
  constexpr int64_t rootOfHalf = 0x3FE6A09E667F3BCD;
  Value bits = a.bits(x);
  Value k = a.fromExponent(a.subBits(bits, a.bitsNumber(rootOfHalf)));
  Value m = a.fromBits(a.subBits(bits, a.toExponent(k)));
  Value exponent = a.sub(a.fromBits(a.addBits(k, a.bits(a.magic()))), a.magic());
  Value f = a.div(a.sub(m, 1), a.add(m, 1));
  Value series = a.polynomial(a.mul(f, f), {2., 2. / 3, 2. / 5, 2. / 7, 2. / 9, 2. / 11,
                                            2. / 13, 2. / 15, 2. / 17});
  Value result = a.fma(exponent, a.number(M_LN2), a.mul(f, series));
  result = a.select(OEQ, x, 0, a.number(-INFINITY), result);
  result = a.select(OLT, x, INFINITY, result, x); // infinity and NaN
  return a.select(OLT, x, 0, a.number(NAN), result);
}

/// e^x where f32 holds it; beyond, something that f32 rounds to zero or infinity.
Value exponential(Arithmetic &a, Value x) {
  x = a.select(OGT, x, 120, a.number(120), x);
  x = a.select(OLT, x, -120, a.number(-120), x);
  Value shifted = a.add(a.mul(x, M_LOG2E), a.magic());
  Value n = a.sub(shifted, a.magic());
  Value r = a.fma(n, a.number(-M_LN2), x);
  Value power = a.polynomial(r, {1, 1, 1. / 2, 1. / 6, 1. / 24, 1. / 120, 1. / 720,
                                 1. / 5040, 1. / 40320, 1. / 362880});
  Value scale = a.fromBits(a.toExponent(a.addBits(a.bits(shifted), a.bitsNumber(1023))));
  return a.mul(power, scale);
}

Value emitLog(Arithmetic &a, Value x) { return logarithm(a, x); }
Value emitLog2(Arithmetic &a, Value x) { return a.mul(logarithm(a, x), M_LOG2E); }
Value emitLog10(Arithmetic &a, Value x) { return a.mul(logarithm(a, x), M_LOG10E); }

/// ln(1 + x): what rounding takes from 1 + x is made up for by a factor.
Value onePlusLogarithm(Arithmetic &a, Value x) {
  Value u = a.add(x, 1);
  Value scaled = a.mul(logarithm(a, u), a.div(x, a.sub(u, 1)));
  Value result = a.select(OEQ, u, 1, x, scaled);
  return a.select(OEQ, x, INFINITY, x, result);
}

/// e^x - 1: a series where the difference would cancel.
Value emitExpM1(Arithmetic &a, Value x) {
  Value small = a.fma(a.mul(x, x), a.polynomial(x, {1. / 2, 1. / 6}), x);
  Value large = a.sub(exponential(a, x), 1);
  return a.select(OLT, a.abs(x), 0x1p-12, small, large);
}

Value emitExp2(Arithmetic &a, Value x) { return exponential(a, a.mul(x, M_LN2)); }

/// |x|^y = e^(y ln |x|), with the sign of an odd power; NaN for the broken power of
/// a negative number.
Value emitPow(Arithmetic &a, Value x, Value y) {
  Value log = logarithm(a, a.abs(x));
  Value result = exponential(a, a.mul(y, log));
  // Above 2^25 all f32 are even.
  Value limited = a.select(OLT, a.abs(y), 0x1p25, y, a.number(0));
  Value half = a.mul(limited, 0.5);
  Value whole = a.sub(a.rounded(limited), limited); // zero if it is one
  Value odd = a.sub(a.rounded(half), half);         // zero if it is even
  Value minus = a.withSign(result, x);
  Value signedResult = a.select(UNE, odd, 0, minus, result);
  Value broken = a.select(OLT, x, 0, a.number(NAN), result);
  // -inf, like 0, has broken powers without a sign.
  broken = a.select(OEQ, x, -INFINITY, result, broken);
  result = a.select(OEQ, whole, 0, signedResult, broken);
  result = a.select(OEQ, y, 0, a.number(1), result);
  return a.select(OEQ, x, 1, a.number(1), result);
}

//===----------------------------------------------------------------------===//
// Hyperbolic functions and their inverses
//===----------------------------------------------------------------------===//

Value emitSinh(Arithmetic &a, Value x) {
  Value power = exponential(a, x);
  Value large = a.mul(a.sub(power, a.div(a.number(1), power)), 0.5);
  Value square = a.mul(x, x);
  Value small = a.mul(x, a.polynomial(square, {1, 1. / 6, 1. / 120, 1. / 5040}));
  return a.select(OLT, a.abs(x), 0.25, small, large);
}

Value emitCosh(Arithmetic &a, Value x) {
  Value power = exponential(a, x);
  return a.mul(a.add(power, a.div(a.number(1), power)), 0.5);
}

/// asinh |x| = ln(1 + |x| + x^2 / (1 + sqrt(1 + x^2)))
Value emitAsinh(Arithmetic &a, Value x) {
  Value size = a.abs(x), square = a.mul(x, x);
  Value root = a.sqrt(a.add(square, 1));
  Value rest = a.add(size, a.div(square, a.add(root, 1)));
  Value result = a.select(OLT, size, INFINITY, onePlusLogarithm(a, rest), size);
  return a.withSign(result, x);
}

Value emitAcosh(Arithmetic &a, Value x) {
  Value root = a.mul(a.sqrt(a.sub(x, 1)), a.sqrt(a.add(x, 1))); // NaN below 1
  return logarithm(a, a.add(x, root));
}

Value emitAtanh(Arithmetic &a, Value x) {
  Value ratio = a.div(a.mul(x, 2), a.sub(a.number(1), x));
  Value result = a.mul(onePlusLogarithm(a, ratio), 0.5);
  return a.select(OEQ, x, 1, a.number(INFINITY), result);
}

//===----------------------------------------------------------------------===//
// Sine and cosine
//===----------------------------------------------------------------------===//

/// x in quarter turns: a whole number of them and the rest as an angle.
struct Turns {
  Value quarters, angle;
};

/// Below 2^30, by a product with pi/2 in two parts: the first is subtracted
/// exactly, the second is smaller than the last place of a f32 angle.
Turns reduceSmall(Arithmetic &a, Value x) {
  Value n = a.rounded(a.mul(x, M_2_PI));
  Value r = a.fma(n, a.number(-0x1.921fb54442d18p+0), x);
  return {n, a.fma(n, a.number(-0x1.1a62633145c07p-54), r)};
}

/// Bits `first` to `first` + 28 of 2/pi behind the point, as a whole number.
double bitsOfTwoOverPi(int first) {
  static constexpr uint32_t words[] = {0xA2F9836E, 0x4E441529, 0xFC2757D1, 0xF534DDC0,
                                       0xDB629599, 0x3C439041, 0xFE5163AB};
  uint32_t found = 0;
  for (int bit = first; bit < first + 29; ++bit) {
    bool isSet = bit >= 1 && (words[(bit - 1) / 32] >> (31 - (bit - 1) % 32) & 1);
    found = found << 1 | isSet;
  }
  return found;
}

/// From 2^24 on (Payne and Hanek). x = w * 2^(24t) with a whole w below 2^48, so
/// that whole multiples of four drop out of 2/pi * 2^(24t); what is left of it in
/// four parts has exact products with the 24 bits of w.
Turns reduceLarge(Arithmetic &a, Value x) {
  constexpr int tiers = 5, parts = 4, width = 29;
  Value size = a.abs(x), w = x;
  SmallVector<Value> factors;
  auto factor = [&](int tier, int part) {
    double bits = bitsOfTwoOverPi(24 * tier - 1 + width * part);
    return a.number(std::ldexp(bits, -27 - width * part));
  };
  for (int part = 0; part < parts; ++part)
    factors.push_back(factor(0, part));
  for (int tier = 1; tier < tiers; ++tier) {
    Value begin = a.number(std::ldexp(1, 24 * (tier + 1)));
    w = a.select(OGE, size, begin, a.mul(x, std::ldexp(1, -24 * tier)), w);
    for (int part = 0; part < parts; ++part)
      factors[part] = a.select(OGE, size, begin, factor(tier, part), factors[part]);
  }
  auto withoutFours = [&](Value product) {
    return a.fma(a.rounded(a.mul(product, 0.25)), a.number(-4), product);
  };
  Value high = withoutFours(a.mul(w, factors[0])), low = withoutFours(a.mul(w, factors[1]));
  Value rest = a.add(a.mul(w, factors[2]), a.mul(w, factors[3]));
  Value sum = a.add(high, low), taken = a.sub(sum, high);
  Value lost = a.add(a.sub(high, a.sub(sum, taken)), a.sub(low, taken));
  Value n = a.rounded(sum);
  Value fraction = a.add(a.add(a.sub(sum, n), lost), rest);
  return {n, a.mul(fraction, M_PI_2)};
}

/// Whether any of some numbers is as large as `bound`.
Value anyReaches(Arithmetic &a, Value size, double bound) {
  Value reaches = a.make<arith::CmpFOp>(OGE, size, a.number(bound));
  if (!isa<VectorType>(reaches.getType()))
    return reaches;
  return a.make<vector::ReductionOp>(vector::CombiningKind::OR, reaches);
}

/// Large numbers are rare, and their reduction is most of the work.
Turns reduce(Arithmetic &a, Value x) {
  constexpr double bound = 0x1p30;
  Turns small = reduceSmall(a, x);
  Value size = a.abs(x);
  auto withLarge = [&](OpBuilder &b, Location loc) {
    Arithmetic inner(b, loc, x.getType());
    Turns large = reduceLarge(inner, x);
    scf::YieldOp::create(
        b, loc, {inner.select(OLT, size, bound, small.quarters, large.quarters),
                 inner.select(OLT, size, bound, small.angle, large.angle)});
  };
  auto without = [&](OpBuilder &b, Location loc) {
    scf::YieldOp::create(b, loc, {small.quarters, small.angle});
  };
  auto chosen = a.make<scf::IfOp>(anyReaches(a, size, bound), withLarge, without);
  return {chosen.getResult(0), chosen.getResult(1)};
}

Value sineNearZero(Arithmetic &a, Value r) {
  return a.mul(r, a.polynomial(a.mul(r, r), {1, -1. / 6, 1. / 120, -1. / 5040, 1. / 362880,
                                             -1. / 39916800}));
}

Value cosineNearZero(Arithmetic &a, Value r) {
  return a.polynomial(a.mul(r, r), {1, -1. / 2, 1. / 24, -1. / 720, 1. / 40320,
                                    -1. / 3628800, 1. / 479001600});
}

/// sin(angle + quarters * pi/2)
Value sineOf(Arithmetic &a, Turns turns) {
  auto isOdd = [&](Value n, Value yes, Value no) {
    Value half = a.mul(n, 0.5);
    return a.select(UNE, a.rounded(half), half, yes, no);
  };
  Value sine = sineNearZero(a, turns.angle), cosine = cosineNearZero(a, turns.angle);
  Value size = isOdd(turns.quarters, cosine, sine);
  // The half turns: quarters / 2, rounded down.
  Value half = a.rounded(a.sub(a.mul(turns.quarters, 0.5), 0.25));
  return isOdd(half, a.sub(a.number(-0.0), size), size);
}

Value emitSin(Arithmetic &a, Value x) { return sineOf(a, reduce(a, x)); }

Value emitCos(Arithmetic &a, Value x) {
  Turns turns = reduce(a, x);
  return sineOf(a, {a.add(turns.quarters, 1), turns.angle});
}

Value emitTan(Arithmetic &a, Value x) {
  Turns turns = reduce(a, x);
  Value sine = sineOf(a, turns);
  return a.div(sine, sineOf(a, {a.add(turns.quarters, 1), turns.angle}));
}

//===----------------------------------------------------------------------===//
// Patterns
//===----------------------------------------------------------------------===//

/// An f32 function as arithmetic in f64.
template <typename Op, auto emit>
struct Widen : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    Type narrow = op.getType(), wide = rewriter.getF64Type();
    if (!getElementTypeOrSelf(narrow).isF32())
      return failure();
    if (auto vector = dyn_cast<VectorType>(narrow))
      wide = vector.clone(wide);
    Arithmetic a(rewriter, op.getLoc(), wide);
    Value result;
    if constexpr (std::is_invocable_v<decltype(emit), Arithmetic &, Value, Value>)
      result = emit(a, a.widen(op->getOperand(0)), a.widen(op->getOperand(1)));
    else
      result = emit(a, a.widen(op->getOperand(0)));
    rewriter.replaceOpWithNewOp<arith::TruncFOp>(op, narrow, result);
    return success();
  }
};

} // namespace

void bitpipe::populateWideMathPatterns(RewritePatternSet &patterns, PatternBenefit benefit) {
  patterns.add<Widen<math::LogOp, emitLog>, Widen<math::Log2Op, emitLog2>,
               Widen<math::Log10Op, emitLog10>, Widen<math::Log1pOp, onePlusLogarithm>,
               Widen<math::ExpM1Op, emitExpM1>, Widen<math::Exp2Op, emitExp2>,
               Widen<math::PowFOp, emitPow>, Widen<math::SinhOp, emitSinh>,
               Widen<math::CoshOp, emitCosh>, Widen<math::AsinhOp, emitAsinh>,
               Widen<math::AcoshOp, emitAcosh>, Widen<math::AtanhOp, emitAtanh>,
               Widen<math::SinOp, emitSin>, Widen<math::CosOp, emitCos>,
               Widen<math::TanOp, emitTan>>(patterns.getContext(), benefit);
}
