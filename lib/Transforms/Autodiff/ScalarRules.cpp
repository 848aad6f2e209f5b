//===- ScalarRules.cpp - Derivatives of scalar operations ------------------===//
//
// One entry of a table per operation. Where the derivative is a function of
// the result (tanh, exp, ...) it uses the result.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Autodiff/ScalarRules.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/DenseSet.h"

#include <cmath>

using namespace mlir;
using namespace bitpipe;

namespace {

/// What a rule works with: the operation, its adjoint `g`, and a place to put
/// those of its operands.
class Scalar {
public:
  Scalar(OpBuilder &builder, Operation *op, Value g, const IRMapping &primal,
         const DenseSet<Value> &varying, DenseMap<Value, Value> &adjoints)
      : g(g), builder(builder), op(op), primal(primal), varying(varying),
        adjoints(adjoints) {}

  const Value g;

  Value x(unsigned i) { return primal.lookupOrDefault(op->getOperand(i)); }
  Value y() { return primal.lookup(op->getResult(0)); }
  bool varies(unsigned i) { return varying.contains(op->getOperand(i)); }
  template <typename Op>
  Op as() { return cast<Op>(op); }

  /// Adds to the adjoint of operand i; `term` is only called if it matters.
  void give(unsigned i, function_ref<Value()> term) {
    giveTo(op->getOperand(i), term);
  }
  /// The same for a value that the operation is a function of by way of others.
  void giveTo(Value operand, function_ref<Value()> term) {
    if (!varying.contains(operand))
      return;
    Value &sum = adjoints[operand];
    Value value = term();
    sum = sum ? make<arith::AddFOp>(sum, value) : value;
  }

  template <typename Op, typename... Args>
  Value make(Args &&...args) {
    return Op::create(builder, op->getLoc(), std::forward<Args>(args)...);
  }
  Value number(double value) {
    return make<arith::ConstantOp>(builder.getFloatAttr(g.getType(), value));
  }
  Value add(Value a, Value b) { return make<arith::AddFOp>(a, b); }
  Value sub(Value a, Value b) { return make<arith::SubFOp>(a, b); }
  Value mul(Value a, Value b) { return make<arith::MulFOp>(a, b); }
  Value mul(Value a, double b) { return mul(a, number(b)); }
  Value div(Value a, Value b) { return make<arith::DivFOp>(a, b); }
  Value neg(Value a) { return make<arith::NegFOp>(a); }
  Value gaussian() { return make<math::ExpOp>(neg(mul(x(0), x(0)))); }
  Value select(Value condition, Value a, Value b) {
    return make<arith::SelectOp>(condition, a, b);
  }

private:
  OpBuilder &builder;
  Operation *op;
  const IRMapping &primal;
  const DenseSet<Value> &varying;
  DenseMap<Value, Value> &adjoints;
};

using Rule = void (*)(Scalar &);

} // namespace

//===----------------------------------------------------------------------===//
// Rules that take more than a line
//===----------------------------------------------------------------------===//

/// The operand that is chosen has the adjoint; at a tie both have half of it.
template <arith::CmpFPredicate loses>
static void extremum(Scalar &s) {
  for (unsigned i : {0, 1})
    s.give(i, [&] {
      Value tie = s.make<arith::CmpFOp>(arith::CmpFPredicate::OEQ, s.x(i), s.x(1 - i));
      Value lost = s.make<arith::CmpFOp>(loses, s.x(i), s.x(1 - i));
      Value share = s.select(tie, s.mul(s.g, 0.5), s.g);
      return s.select(lost, s.number(0), share);
    });
}

/// g * e * a^(e-1) for a constant e. The square of a may be infinite where g is
/// zero, so g is multiplied by a first.
static Value constantPowerSlope(Scalar &s, Value a, double e) {
  if (e == 0)
    return s.number(0);
  if (e == 1)
    return s.g;
  Value scaled = s.mul(s.g, e);
  if (e == 2)
    return s.mul(scaled, a);
  if (e == 3)
    return s.mul(s.mul(scaled, a), a);
  return s.mul(scaled, s.make<math::PowFOp>(a, s.number(e - 1)));
}

/// d(a^b) = b * a^(b-1) da + a^b * log(a) db, where either is zero if its factor
/// is: a^0 is 1 for every a, and 0^b is 0 for every positive b.
static void power(Scalar &s) {
  Value a = s.x(0), b = s.x(1);
  auto isNumber = [&](arith::CmpFPredicate predicate, Value x) {
    return s.make<arith::CmpFOp>(predicate, x, s.number(0));
  };
  s.give(0, [&]() -> Value {
    APFloat exponent(0.0);
    if (matchPattern(b, m_ConstantFloat(&exponent)))
      return constantPowerSlope(s, a, exponent.convertToDouble());
    Value lower = s.make<math::PowFOp>(a, s.sub(b, s.number(1)));
    Value slope = s.mul(s.g, s.mul(b, lower));
    // Of a base next to zero the lower power may be infinite where a^b is not.
    Value size = s.make<math::AbsFOp>(lower);
    Value isInfinite = s.make<arith::CmpFOp>(arith::CmpFPredicate::OEQ, size, s.number(INFINITY));
    Value divides = s.make<arith::AndIOp>(isInfinite, isNumber(arith::CmpFPredicate::ONE, a));
    Value quotient = s.mul(s.g, s.div(s.mul(b, s.y()), a));
    return s.select(isNumber(arith::CmpFPredicate::OEQ, b), s.number(0),
                    s.select(divides, quotient, slope));
  });
  s.give(1, [&] {
    Value slope = s.mul(s.g, s.mul(s.y(), s.make<math::LogOp>(a)));
    Value flat = s.make<arith::AndIOp>(isNumber(arith::CmpFPredicate::OEQ, a),
                                       isNumber(arith::CmpFPredicate::OGE, b));
    return s.select(flat, s.number(0), slope);
  });
}

static void integerPower(Scalar &s) {
  s.give(0, [&] {
    auto op = s.as<math::FPowIOp>();
    Value exponent = s.make<arith::SIToFPOp>(s.g.getType(), s.x(1));
    Value one = s.make<arith::ConstantOp>(IntegerAttr::get(op.getRhs().getType(), 1));
    Value lower = s.make<arith::SubIOp>(s.x(1), one);
    Value slope = s.make<math::FPowIOp>(s.x(0), lower);
    Value flat = s.make<arith::CmpFOp>(arith::CmpFPredicate::OEQ, exponent, s.number(0));
    return s.select(flat, s.number(0), s.mul(s.g, s.mul(exponent, slope)));
  });
}

/// z of 1 / (1 + exp(z)), the logistic function of -z.
static Value matchLogistic(arith::DivFOp op) {
  auto sum = op.getRhs().getDefiningOp<arith::AddFOp>();
  if (!sum || !matchPattern(op.getLhs(), m_OneFloat()))
    return nullptr;
  for (auto [one, power] : {std::pair(sum.getLhs(), sum.getRhs()),
                            std::pair(sum.getRhs(), sum.getLhs())})
    if (auto exp = power.getDefiningOp<math::ExpOp>(); exp && matchPattern(one, m_OneFloat()))
      return exp.getOperand();
  return nullptr;
}

/// The logistic function has a rule of its own: where the exponential is infinite
/// the chain rule would multiply it with zero.
static void divide(Scalar &s) {
  if (Value z = matchLogistic(s.as<arith::DivFOp>()))
    return s.giveTo(z, [&] {
      return s.neg(s.mul(s.g, s.mul(s.y(), s.sub(s.number(1), s.y()))));
    });
  s.give(0, [&] { return s.div(s.g, s.x(1)); });
  s.give(1, [&] { return s.neg(s.mul(s.g, s.div(s.y(), s.x(1)))); });
}

/// y = a - b * n with the whole number n = trunc(a / b), which the quotient of
/// rounded numbers may miss, but not (a - y) / b.
static void remainder(Scalar &s) {
  s.give(0, [&] { return s.g; });
  s.give(1, [&] {
    Value n = s.make<math::RoundEvenOp>(s.div(s.sub(s.x(0), s.y()), s.x(1)));
    return s.neg(s.mul(s.g, n));
  });
}

static void select(Scalar &s) {
  s.give(1, [&] { return s.select(s.x(0), s.g, s.number(0)); });
  s.give(2, [&] { return s.select(s.x(0), s.number(0), s.g); });
}

static void multiplyAdd(Scalar &s) {
  s.give(0, [&] { return s.mul(s.g, s.x(1)); });
  s.give(1, [&] { return s.mul(s.g, s.x(0)); });
  s.give(2, [&] { return s.g; });
}

/// A cast's adjoint is cast back.
static void cast(Scalar &s) {
  s.give(0, [&]() -> Value {
    Type to = s.x(0).getType();
    if (to.getIntOrFloatBitWidth() > s.g.getType().getIntOrFloatBitWidth())
      return s.make<arith::ExtFOp>(to, s.g);
    return s.make<arith::TruncFOp>(to, s.g);
  });
}

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

/// Functions of one variable: the expression is the adjoint of
/// the operand.
#define UNARY(Op, slope)                                                       \
  table[TypeID::get<Op>()] = [](Scalar &s) {                                   \
    s.give(0, [&]() -> Value { return slope; });                               \
  };

static DenseMap<TypeID, Rule> makeTable() {
  using arith::CmpFPredicate;
  DenseMap<TypeID, Rule> table;
  table[TypeID::get<arith::AddFOp>()] = [](Scalar &s) {
    s.give(0, [&] { return s.g; });
    s.give(1, [&] { return s.g; });
  };
  table[TypeID::get<arith::SubFOp>()] = [](Scalar &s) {
    s.give(0, [&] { return s.g; });
    s.give(1, [&] { return s.neg(s.g); });
  };
  table[TypeID::get<arith::MulFOp>()] = [](Scalar &s) {
    s.give(0, [&] { return s.mul(s.g, s.x(1)); });
    s.give(1, [&] { return s.mul(s.g, s.x(0)); });
  };
  table[TypeID::get<arith::DivFOp>()] = divide;
  table[TypeID::get<arith::SelectOp>()] = select;
  table[TypeID::get<arith::RemFOp>()] = remainder;
  table[TypeID::get<arith::MaximumFOp>()] = extremum<CmpFPredicate::OLT>;
  table[TypeID::get<arith::MaxNumFOp>()] = extremum<CmpFPredicate::OLT>;
  table[TypeID::get<arith::MinimumFOp>()] = extremum<CmpFPredicate::OGT>;
  table[TypeID::get<arith::MinNumFOp>()] = extremum<CmpFPredicate::OGT>;
  table[TypeID::get<arith::ExtFOp>()] = cast;
  table[TypeID::get<arith::TruncFOp>()] = cast;
  table[TypeID::get<math::PowFOp>()] = power;
  table[TypeID::get<math::FPowIOp>()] = integerPower;
  table[TypeID::get<math::FmaOp>()] = multiplyAdd;
  UNARY(arith::NegFOp, s.neg(s.g))
  UNARY(math::ExpOp, s.mul(s.g, s.y()))
  UNARY(math::ExpM1Op, s.mul(s.g, s.add(s.y(), s.number(1))))
  UNARY(math::Exp2Op, s.mul(s.g, s.mul(s.y(), M_LN2)))
  UNARY(math::LogOp, s.div(s.g, s.x(0)))
  UNARY(math::Log1pOp, s.div(s.g, s.add(s.x(0), s.number(1))))
  UNARY(math::Log2Op, s.div(s.g, s.mul(s.x(0), M_LN2)))
  UNARY(math::SqrtOp, s.div(s.mul(s.g, 0.5), s.y()))
  UNARY(math::RsqrtOp, s.mul(s.mul(s.mul(s.mul(s.g, -0.5), s.y()), s.y()), s.y()))
  UNARY(math::TanhOp, s.mul(s.g, s.sub(s.number(1), s.mul(s.y(), s.y()))))
  UNARY(math::ErfOp, s.mul(s.g, s.mul(s.gaussian(), M_2_SQRTPI)))
  UNARY(math::SinOp, s.mul(s.g, s.make<math::CosOp>(s.x(0))))
  UNARY(math::CosOp, s.neg(s.mul(s.g, s.make<math::SinOp>(s.x(0)))))
  UNARY(math::AtanOp, s.div(s.g, s.add(s.number(1), s.mul(s.x(0), s.x(0)))))
  // The slope of |x| at zero is taken as zero.
  table[TypeID::get<math::AbsFOp>()] = [](Scalar &s) {
    s.give(0, [&] {
      Value zero = s.number(0), x = s.x(0);
      Value above = s.make<arith::CmpFOp>(CmpFPredicate::OGT, x, zero);
      Value below = s.make<arith::CmpFOp>(CmpFPredicate::OLT, x, zero);
      return s.select(above, s.g, s.select(below, s.neg(s.g), zero));
    });
  };
  // Steps: the slope is zero wherever there is one.
  Rule step = [](Scalar &) {};
  for (TypeID id : {TypeID::get<math::FloorOp>(), TypeID::get<math::CeilOp>(),
                    TypeID::get<math::RoundOp>(), TypeID::get<math::RoundEvenOp>(),
                    TypeID::get<math::TruncOp>()})
    table[id] = step;
  return table;
}
#undef UNARY

static Rule findRule(Operation *op) {
  static const DenseMap<TypeID, Rule> table = makeTable();
  return table.lookup(op->getName().getTypeID());
}

bool bitpipe::hasScalarRule(Operation *op) { return findRule(op); }

void bitpipe::differentiateBody(OpBuilder &builder, Block &body,
                                ArrayRef<Value> wanted, const IRMapping &primal,
                                DenseMap<Value, Value> &adjoints) {
  DenseSet<Value> varying(wanted.begin(), wanted.end());
  auto isVarying = [&](Value v) { return varying.contains(v); };
  for (Operation &op : body.without_terminator())
    if (op.getNumResults() == 1 && isa<FloatType>(op.getResult(0).getType()) &&
        llvm::any_of(op.getOperands(), isVarying))
      varying.insert(op.getResult(0));
  for (Operation &op : llvm::reverse(body.without_terminator())) {
    if (op.getNumResults() != 1 || !isVarying(op.getResult(0)))
      continue;
    Rule rule = findRule(&op);
    if (Value g = adjoints.lookup(op.getResult(0)); g && rule) {
      Scalar scalar(builder, &op, g, primal, varying, adjoints);
      rule(scalar);
    }
  }
}
