//===- ExpandMath.cpp - Transcendental functions as arithmetic -------------===//
//
// exp and erf, which training spends most of its elementwise time in, have
// approximations of their own, exact to two and four units in the last place.
// Powers with simple exponents become products; the rarer functions are computed
// in f64 (WideMath.cpp). tanh, atan, asin and acos are left to upstream's.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Kernels/ExpandMath.h"
#include "lib/Transforms/Kernels/Arithmetic.h"

#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;
using namespace bitpipe;

namespace {

/// exp(x) = 2^n * exp(r), n the whole number next to x / ln 2. Below the normal
/// numbers the result is zero.
Value emitExp(Arithmetic &a, Value x) {
  Value shifted = a.fma(x, a.number(0x1.715476p+0), a.magic());
  Value n = a.sub(shifted, a.magic());
  Value r = a.fma(n, a.number(-0x1.62e4p-1), x);
  r = a.fma(n, a.number(-0x1.7f7d1cp-20), r);
  Value power = a.polynomial(r, {1, 1, 0.49999993, 0.1666652, 0.04166839, 0.00836875, 0.00138145});
  Value result = a.fromBits(a.addBits(a.bits(power), a.toExponent(a.bits(shifted))));
  result = a.select(arith::CmpFPredicate::OLT, x, a.number(-0x1.5d589ep6), a.number(0), result);
  // Infinity above the largest number, and NaN for NaN.
  Value beyond = a.mul(x, a.number(INFINITY));
  return a.select(arith::CmpFPredicate::UGT, x, a.number(0x1.62e42ep6), beyond, result);
}

/// erf(x) = x * P(x^2) / Q(x^2) where it differs from 1 and -1. At the ends it is
/// exactly that: 1 + erf(x) is multiplied by numbers of any size.
Value emitErf(Arithmetic &a, Value x) {
  Value end = a.number(0x1.f70a42p+1), begin = a.number(-0x1.f70a42p+1);
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

/// A power with a small whole exponent is a few products.
struct WholePower : OpRewritePattern<math::PowFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(math::PowFOp op, PatternRewriter &rewriter) const override {
    constexpr double mostProducts = 8;
    APFloat constant(0.0);
    if (!op.getType().isF32() || !matchPattern(op.getRhs(), m_ConstantFloat(&constant)) ||
        !constant.isInteger() || std::abs(constant.convertToDouble()) > mostProducts)
      return failure();
    int exponent = constant.convertToDouble();
    Arithmetic a(rewriter, op.getLoc(), op.getType());
    Value product = exponent == 0 ? a.number(1) : op.getLhs();
    for (int i = 1; i < std::abs(exponent); ++i)
      product = a.mul(product, op.getLhs());
    rewriter.replaceOp(op, exponent < 0 ? a.div(a.number(1), product) : product);
    return success();
  }
};

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
  patterns.add<WholePower>(root->getContext(), /*benefit=*/2);
  populateMathAlgebraicSimplificationPatterns(patterns);
  math::populateExpansionPatterns(patterns, {"fpowi"});
  return applyPatternsGreedily(root, std::move(patterns));
}

LogicalResult bitpipe::approximateMath(Operation *root) {
  RewritePatternSet patterns(root->getContext());
  patterns.add<Expand<math::ExpOp, emitExp>, Expand<math::ErfOp, emitErf>>(
      root->getContext(), /*benefit=*/2);
  populateWideMathPatterns(patterns, /*benefit=*/2);
  // The reciprocal square root is an instruction of AVX2 there; here it is the
  // division by a square root.
  populateMathPolynomialApproximationPatterns(
      patterns, [](StringRef name) { return name != math::RsqrtOp::getOperationName(); });
  return applyPatternsGreedily(root, std::move(patterns));
}
