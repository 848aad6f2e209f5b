//===- ExpandMath.cpp - Transcendental functions as arithmetic -------------===//
//
// exp and erf, which training spends most of its elementwise time in, have
// approximations of their own, exact to two units in the last place. The rest
// is left to upstream's, after powers with simple exponents have become products
// and the rarer functions combinations of the common ones.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Kernels/ExpandMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace {

/// Emits f32 arithmetic on scalars or vectors, in exactly the order written.
class Arithmetic {
public:
  Arithmetic(OpBuilder &b, Location loc, Type type) : b(b), loc(loc), type(type) {}

  Value number(double value) { return constant(type, b.getF32FloatAttr(value)); }
  Value add(Value x, Value y) { return arith::AddFOp::create(b, loc, x, y); }
  Value sub(Value x, Value y) { return arith::SubFOp::create(b, loc, x, y); }
  Value mul(Value x, Value y) { return arith::MulFOp::create(b, loc, x, y); }
  Value div(Value x, Value y) { return arith::DivFOp::create(b, loc, x, y); }
  Value log(Value x) { return math::LogOp::create(b, loc, x); }
  Value fma(Value x, Value y, Value z) { return math::FmaOp::create(b, loc, x, y, z); }

  Value select(arith::CmpFPredicate predicate, Value x, Value y, Value yes, Value no) {
    Value condition = arith::CmpFOp::create(b, loc, predicate, x, y);
    return arith::SelectOp::create(b, loc, condition, yes, no);
  }

  /// The sum of coefficients[i] * x^i.
  Value polynomial(Value x, ArrayRef<double> coefficients) {
    Value sum = number(coefficients.back());
    for (double coefficient : llvm::reverse(coefficients.drop_back()))
      sum = fma(sum, x, number(coefficient));
    return sum;
  }

  /// x * 2^n, where n lies in the lowest bits of `shifted`.
  Value scaleByPower(Value x, Value shifted) {
    Type bits = bitsType();
    Value exponent = arith::ShLIOp::create(b, loc, arith::BitcastOp::create(b, loc, bits, shifted),
                                           constant(bits, b.getI32IntegerAttr(23)));
    Value mantissa = arith::BitcastOp::create(b, loc, bits, x);
    Value scaled = arith::AddIOp::create(b, loc, mantissa, exponent);
    return arith::BitcastOp::create(b, loc, type, scaled);
  }

private:
  Type bitsType() const {
    auto vector = dyn_cast<VectorType>(type);
    return vector ? Type(vector.clone(b.getI32Type())) : Type(b.getI32Type());
  }

  Value constant(Type of, TypedAttr value) {
    if (auto vector = dyn_cast<VectorType>(of))
      value = DenseElementsAttr::get(vector, value);
    return arith::ConstantOp::create(b, loc, value);
  }

  OpBuilder &b;
  Location loc;
  Type type;
};

/// exp(x) = 2^n * exp(r), n the whole number next to x / ln 2. Adding 1.5 * 2^23
/// rounds to a whole number and leaves it in the lowest bits. Below the normal
/// numbers the result is zero.
Value emitExp(Arithmetic &a, Value x) {
  Value magic = a.number(0x1.8p23);
  Value shifted = a.fma(x, a.number(0x1.715476p+0), magic);
  Value n = a.sub(shifted, magic);
  Value r = a.fma(n, a.number(-0x1.62e4p-1), x);
  r = a.fma(n, a.number(-0x1.7f7d1cp-20), r);
  Value power = a.polynomial(r, {1, 1, 0.49999993, 0.1666652, 0.04166839, 0.00836875, 0.00138145});
  Value result = a.scaleByPower(power, shifted);
  result = a.select(arith::CmpFPredicate::OLT, x, a.number(-0x1.5d589ep6), a.number(0), result);
  // Infinity above the largest number, and NaN for NaN.
  Value beyond = a.mul(x, a.number(INFINITY));
  return a.select(arith::CmpFPredicate::UGT, x, a.number(0x1.62e42ep6), beyond, result);
}

/// erf(x) = x * P(x^2) / Q(x^2) where it differs from 1 and -1.
Value emitErf(Arithmetic &a, Value x) {
  Value end = a.number(3.93), begin = a.number(-3.93);
  x = a.select(arith::CmpFPredicate::OLT, x, begin, begin, x);
  x = a.select(arith::CmpFPredicate::OGT, x, end, end, x);
  Value square = a.mul(x, x);
  Value p = a.polynomial(square, {1.1283791453474508, 0.1907840195927929,
                                  0.05279031085829112, 0.003779617479997914,
                                  0.0002848088142717511, 2.04196954606448e-06});
  Value q = a.polynomial(square, {1, 0.502410654570261, 0.11425760035880841,
                                  0.014997453605034326, 0.001165214781113856,
                                  3.8004073434046825e-05});
  return a.div(a.mul(x, p), q);
}

/// log10(x) = ln x / ln 10, whose logarithm is expanded next.
Value emitLog10(Arithmetic &a, Value x) {
  return a.mul(a.log(x), a.number(0x1.bcb7b2p-2));
}

template <typename Op, Value (*emit)(Arithmetic &, Value)>
struct Expand : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF32())
      return failure();
    Arithmetic arithmetic(rewriter, op.getLoc(), op.getType());
    rewriter.replaceOp(op, emit(arithmetic, op.getOperand()));
    return success();
  }
};

} // namespace

LogicalResult bitpipe::simplifyMath(Operation *root) {
  RewritePatternSet patterns(root->getContext());
  populateMathAlgebraicSimplificationPatterns(patterns);
  math::populateExpansionPatterns(patterns, {"powf", "fpowi", "sinh", "cosh", "tan",
                                             "asinh", "acosh", "atanh", "exp2"});
  return applyPatternsGreedily(root, std::move(patterns));
}

LogicalResult bitpipe::approximateMath(Operation *root) {
  RewritePatternSet patterns(root->getContext());
  patterns.add<Expand<math::ExpOp, emitExp>, Expand<math::ErfOp, emitErf>,
               Expand<math::Log10Op, emitLog10>>(root->getContext(), /*benefit=*/2);
  // The reciprocal square root is an instruction of AVX2 there; here it is the
  // division by a square root.
  populateMathPolynomialApproximationPatterns(
      patterns, [](StringRef name) { return name != math::RsqrtOp::getOperationName(); });
  return applyPatternsGreedily(root, std::move(patterns));
}
