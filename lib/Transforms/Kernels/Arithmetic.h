//===- Arithmetic.h - Formulas on scalars or vectors of floats -------------===//
//
// Emits arithmetic in exactly the order written, without fast-math flags: what
// approximations of functions are made of.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_KERNELS_ARITHMETIC_H
#define BITPIPE_TRANSFORMS_KERNELS_ARITHMETIC_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/BuiltinTypes.h"

namespace bitpipe {

class Arithmetic {
public:
  using Value = mlir::Value;
  using Predicate = mlir::arith::CmpFPredicate;

  /// For values of `type`: f32, f64 or a vector of one of them.
  Arithmetic(mlir::OpBuilder &b, mlir::Location loc, mlir::Type type)
      : b(b), loc(loc), type(type) {}

  Value number(double value) {
    return constant(type, b.getFloatAttr(mlir::getElementTypeOrSelf(type), value));
  }
  Value add(Value x, Value y) { return make<mlir::arith::AddFOp>(x, y); }
  Value sub(Value x, Value y) { return make<mlir::arith::SubFOp>(x, y); }
  Value mul(Value x, Value y) { return make<mlir::arith::MulFOp>(x, y); }
  Value div(Value x, Value y) { return make<mlir::arith::DivFOp>(x, y); }
  Value add(Value x, double y) { return add(x, number(y)); }
  Value sub(Value x, double y) { return sub(x, number(y)); }
  Value mul(Value x, double y) { return mul(x, number(y)); }
  Value fma(Value x, Value y, Value z) { return make<mlir::math::FmaOp>(x, y, z); }
  Value abs(Value x) { return make<mlir::math::AbsFOp>(x); }
  Value sqrt(Value x) { return make<mlir::math::SqrtOp>(x); }
  /// x with the sign of y.
  Value withSign(Value x, Value y) { return make<mlir::math::CopySignOp>(x, y); }

  Value select(Predicate predicate, Value x, Value y, Value yes, Value no) {
    Value condition = make<mlir::arith::CmpFOp>(predicate, x, y);
    return make<mlir::arith::SelectOp>(condition, yes, no);
  }
  Value select(Predicate predicate, Value x, double y, Value yes, Value no) {
    return select(predicate, x, number(y), yes, no);
  }

  /// The sum of coefficients[i] * x^i.
  Value polynomial(Value x, llvm::ArrayRef<double> coefficients) {
    Value sum = number(coefficients.back());
    for (double coefficient : llvm::reverse(coefficients.drop_back()))
      sum = fma(sum, x, number(coefficient));
    return sum;
  }

  /// 1.5 * 2^(bits of the mantissa): added to a number below a quarter of it, it
  /// rounds to a whole number and leaves that in the lowest bits.
  Value magic() { return number(isDouble() ? 0x1.8p52 : 0x1.8p23); }
  /// The next whole number, ties to even.
  Value rounded(Value x) { return sub(add(x, magic()), magic()); }

  /// The bits of floats as integers, and back.
  Value bits(Value x) { return make<mlir::arith::BitcastOp>(bitsType(), x); }
  Value fromBits(Value x) { return make<mlir::arith::BitcastOp>(type, x); }
  Value bitsNumber(int64_t value) {
    return constant(bitsType(), b.getIntegerAttr(mlir::getElementTypeOrSelf(bitsType()), value));
  }
  Value addBits(Value x, Value y) { return make<mlir::arith::AddIOp>(x, y); }
  Value subBits(Value x, Value y) { return make<mlir::arith::SubIOp>(x, y); }
  /// n * 2^(bits of the mantissa), and n with its sign from that.
  Value toExponent(Value n) {
    return make<mlir::arith::ShLIOp>(n, bitsNumber(isDouble() ? 52 : 23));
  }
  Value fromExponent(Value n) {
    return make<mlir::arith::ShRSIOp>(n, bitsNumber(isDouble() ? 52 : 23));
  }

  /// f32 as f64, which `type` is.
  Value widen(Value x) { return make<mlir::arith::ExtFOp>(type, x); }
  template <typename Op, typename... Args>
  Op make(Args &&...args) {
    return Op::create(b, loc, std::forward<Args>(args)...);
  }

private:
  bool isDouble() const { return mlir::getElementTypeOrSelf(type).isF64(); }

  mlir::Type bitsType() const {
    mlir::Type element = b.getIntegerType(isDouble() ? 64 : 32);
    auto vector = mlir::dyn_cast<mlir::VectorType>(type);
    return vector ? mlir::Type(vector.clone(element)) : element;
  }

  Value constant(mlir::Type of, mlir::TypedAttr value) {
    if (auto vector = mlir::dyn_cast<mlir::VectorType>(of))
      value = mlir::DenseElementsAttr::get(vector, value);
    return make<mlir::arith::ConstantOp>(value);
  }

  mlir::OpBuilder &b;
  mlir::Location loc;
  mlir::Type type;
};

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_KERNELS_ARITHMETIC_H
