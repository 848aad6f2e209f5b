//===- RowLoops.cpp - Arithmetic on rows and their elements ----------------===//

#include "lib/Transforms/Kernels/RowLoops.h"
#include "lib/Transforms/Kernels/FastMath.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace bitpipe;

Type bitpipe::computedElement(Type stored) {
  return stored.isBF16() ? Float32Type::get(stored.getContext()) : stored;
}

RowEmitter::RowEmitter(OpBuilder &builder, Location loc, Type element,
                       ValueRange accessed, int64_t widest)
    : b(builder), loc(loc), element(element), width(widest) {
  for (Value buffer : accessed)
    if (!cast<MemRefType>(buffer.getType()).isLastDimUnitStride())
      width = 1;
  if (element.isInteger(1)) // A vector of them would be loaded as bits.
    width = 1;
}

Type RowEmitter::lanesType(Type of) const {
  return width == 1 ? of : VectorType::get({width}, of);
}

/// `value`, an element or several, as elements of another type.
static Value converted(OpBuilder &b, Location loc, Value value, Type element) {
  Type from = getElementTypeOrSelf(value.getType());
  if (from == element)
    return value;
  auto vector = dyn_cast<VectorType>(value.getType());
  Type type = vector ? Type(vector.clone(element)) : element;
  if (from.getIntOrFloatBitWidth() < element.getIntOrFloatBitWidth())
    return arith::ExtFOp::create(b, loc, type, value);
  return arith::TruncFOp::create(b, loc, type, value);
}

static Type elementOf(Value buffer) {
  return cast<MemRefType>(buffer.getType()).getElementType();
}

Value RowEmitter::index(int64_t value) {
  return arith::ConstantIndexOp::create(b, loc, value);
}

Value RowEmitter::number(double value) {
  return arith::ConstantOp::create(b, loc, b.getFloatAttr(element, value));
}

template <typename Op>
Value RowEmitter::binary(Value x, Value y) {
  if (x.getType() != y.getType()) {
    Value &scalar = isa<VectorType>(x.getType()) ? y : x;
    scalar = vector::BroadcastOp::create(b, loc, lanesType(), scalar);
  }
  return Op::create(b, loc, x, y, fastMath(b));
}

Value RowEmitter::add(Value x, Value y) { return binary<arith::AddFOp>(x, y); }
Value RowEmitter::sub(Value x, Value y) { return binary<arith::SubFOp>(x, y); }
Value RowEmitter::mul(Value x, Value y) { return binary<arith::MulFOp>(x, y); }
Value RowEmitter::div(Value x, Value y) { return binary<arith::DivFOp>(x, y); }
Value RowEmitter::exp(Value x) { return math::ExpOp::create(b, loc, x); }
Value RowEmitter::log(Value x) { return math::LogOp::create(b, loc, x); }
Value RowEmitter::sqrt(Value x) { return math::SqrtOp::create(b, loc, x); }

Value RowEmitter::replace(Value x, double special, double otherwise) {
  Value same = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, x,
                                     number(special));
  return arith::SelectOp::create(b, loc, same, number(otherwise), x);
}

static SmallVector<Value> place(ValueRange row, Value column) {
  SmallVector<Value> indices(row);
  indices.push_back(column);
  return indices;
}

Value RowEmitter::load(Value buffer, ValueRange row, Lanes lanes) {
  auto source = sources.find(buffer);
  Value loaded = source == sources.end() ? loadStored(buffer, row, lanes) : source->second(row, lanes);
  return converted(b, loc, loaded, element);
}

Value RowEmitter::loadStored(Value buffer, ValueRange row, Lanes lanes) {
  SmallVector<Value> at = place(row, lanes.first);
  if (width == 1)
    return memref::LoadOp::create(b, loc, buffer, at);
  auto type = cast<VectorType>(lanesType(elementOf(buffer)));
  if (lanes.mask) {
    Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
    return vector::MaskedLoadOp::create(b, loc, type, buffer, at, lanes.mask, zero);
  }
  return vector::LoadOp::create(b, loc, type, buffer, at, /*nontemporal=*/false, alignmentOf(buffer));
}

Value RowEmitter::loadScalar(Value buffer, ValueRange at) {
  return converted(b, loc, memref::LoadOp::create(b, loc, buffer, at), element);
}

void RowEmitter::storeScalar(Value value, Value buffer, ValueRange at) {
  value = converted(b, loc, value, elementOf(buffer));
  emitStore([&] { memref::StoreOp::create(b, loc, value, buffer, at); });
}

void RowEmitter::store(Value value, Value buffer, ValueRange row, Lanes lanes) {
  if (width > 1 && !isa<VectorType>(value.getType()))
    value = vector::BroadcastOp::create(b, loc, lanesType(), value);
  value = converted(b, loc, value, elementOf(buffer));
  auto sink = sinks.find(buffer);
  sink == sinks.end() ? storeStored(value, buffer, row, lanes) : sink->second(value, row, lanes);
}

void RowEmitter::storeStored(Value value, Value buffer, ValueRange row, Lanes lanes) {
  SmallVector<Value> at = place(row, lanes.first);
  emitStore([&] {
    if (width == 1)
      memref::StoreOp::create(b, loc, value, buffer, at);
    else if (lanes.mask)
      vector::MaskedStoreOp::create(b, loc, buffer, at, lanes.mask, value);
    else
      vector::StoreOp::create(b, loc, value, buffer, at, /*nontemporal=*/false, alignmentOf(buffer));
  });
}

void RowEmitter::forRows(ArrayRef<int64_t> shape, RowBody body) {
  SmallVector<Value> zeros(shape.size(), index(0)), ones(shape.size(), index(1)), ends;
  for (int64_t size : shape)
    ends.push_back(index(size));
  OpBuilder::InsertionGuard guard(b);
  scf::buildLoopNest(b, loc, zeros, ends, ones,
                     [&](OpBuilder &nested, Location, ValueRange row) {
                       OpBuilder::InsertionGuard inner(b);
                       b.restoreInsertionPoint(nested.saveInsertionPoint());
                       body(row);
                       nested.restoreInsertionPoint(b.saveInsertionPoint());
                     });
}

Value RowEmitter::neutral(Kind kind) {
  double value = kind == Kind::MAXIMUMF ? -INFINITY : 0.0;
  if (width == 1)
    return number(value);
  auto type = cast<VectorType>(lanesType());
  return arith::ConstantOp::create(
      b, loc, DenseElementsAttr::get(type, b.getFloatAttr(element, value)));
}

Value RowEmitter::combine(Kind kind, Value x, Value y) {
  return kind == Kind::MAXIMUMF ? binary<arith::MaximumFOp>(x, y) : add(x, y);
}


RowEmitter::Terms RowEmitter::sumExponentials(Value end, function_ref<Value(Lanes)> body) {
  Value max = reduceColumns(end, {Kind::MAXIMUMF}, [&](Lanes lanes) { return Terms{body(lanes)}; })[0];
  Value shift = replace(max, -INFINITY, 0);
  Value sum = reduceColumns(end, {Kind::ADD}, [&](Lanes lanes) {
    return Terms{exp(sub(body(lanes), shift))};
  })[0];
  return {shift, sum};
}
