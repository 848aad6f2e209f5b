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
    if (!varies(i))
      return;
    Value &sum = adjoints[op->getOperand(i)];
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

/// The operand that is chosen has the adjoint. At a tie it is the second,
/// unless that is a constant of the chain: then relu's gradient at zero is 0
/// whichever side the zero stands on.
template <arith::CmpFPredicate chosen>
static void extremum(Scalar &s) {
  unsigned strict = s.varies(0) ? 0 : 1;
  Value first = s.make<arith::CmpFOp>(chosen, s.x(strict), s.x(1 - strict));
  Value zero = s.number(0);
  s.give(strict, [&] { return s.select(first, s.g, zero); });
  s.give(1 - strict, [&] { return s.select(first, zero, s.g); });
}

/// d(a^b) = b * a^(b-1) da + a^b * log(a) db; small constant powers are
/// products.
static void power(Scalar &s) {
  Value a = s.x(0), b = s.x(1);
  s.give(0, [&]() -> Value {
    APFloat exponent(0.0);
    if (!matchPattern(b, m_ConstantFloat(&exponent))) {
      Value lower = s.make<math::PowFOp>(a, s.sub(b, s.number(1)));
      return s.mul(s.g, s.mul(b, lower));
    }
    double e = exponent.convertToDouble();
    if (e == 1)
      return s.g;
    Value slope = e == 2   ? a
                  : e == 3 ? s.mul(a, a)
                           : s.make<math::PowFOp>(a, s.number(e - 1));
    return s.mul(s.g, s.mul(slope, e));
  });
  s.give(1, [&] {
    return s.mul(s.g, s.mul(s.y(), s.make<math::LogOp>(a)));
  });
}

static void integerPower(Scalar &s) {
  s.give(0, [&] {
    auto op = s.as<math::FPowIOp>();
    Value exponent = s.make<arith::SIToFPOp>(s.g.getType(), s.x(1));
    Value one = s.make<arith::ConstantOp>(IntegerAttr::get(op.getRhs().getType(), 1));
    Value lower = s.make<arith::SubIOp>(s.x(1), one);
    Value slope = s.make<math::FPowIOp>(s.x(0), lower);
    return s.mul(s.g, s.mul(exponent, slope));
  });
}

static void divide(Scalar &s) {
  s.give(0, [&] { return s.div(s.g, s.x(1)); });
  s.give(1, [&] { return s.neg(s.div(s.mul(s.g, s.y()), s.x(1))); });
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
  table[TypeID::get<arith::MaximumFOp>()] = extremum<CmpFPredicate::OGT>;
  table[TypeID::get<arith::MaxNumFOp>()] = extremum<CmpFPredicate::OGT>;
  table[TypeID::get<arith::MinimumFOp>()] = extremum<CmpFPredicate::OLT>;
  table[TypeID::get<arith::MinNumFOp>()] = extremum<CmpFPredicate::OLT>;
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
  UNARY(math::RsqrtOp, s.mul(s.mul(s.g, -0.5), s.mul(s.y(), s.mul(s.y(), s.y()))))
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
