//===- FlatBuffer.cpp - A strided buffer as one row of elements ------------===//
//
// A buffer of i1 holds a byte per element, but a vector of i1 would be loaded
// as bits; such a buffer is seen as one of i8. The two have one descriptor, so
// the cast between them is gone once types are LLVM's.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Kernels/FlatBuffer.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace bitpipe;

/// `type` with elements of i8 instead of i1.
static MemRefType asBytes(OpBuilder &b, MemRefType type) {
  return MemRefType::get(type.getShape(), b.getI8Type(), type.getLayout(),
                         type.getMemorySpace());
}

FlatBuffer::FlatBuffer(OpBuilder &b, Location loc, Value operand)
    : storage(operand), truth(false) {
  auto type = dyn_cast<MemRefType>(operand.getType());
  if (!type)
    return;
  truth = type.getElementType().isInteger(1);
  if (truth) {
    type = asBytes(b, type);
    storage = UnrealizedConversionCastOp::create(b, loc, type, operand).getResult(0);
  }
  auto [strides, offset] = type.getStridesAndOffset();
  int64_t span = 1;
  for (auto [size, stride] : llvm::zip_equal(type.getShape(), strides))
    span += (size - 1) * stride;
  span = type.getNumElements() == 0 ? 0 : span;
  auto layout = StridedLayoutAttr::get(b.getContext(), offset, {1});
  auto flat = MemRefType::get({span}, type.getElementType(),
                              offset ? layout : MemRefLayoutAttrInterface(),
                              type.getMemorySpace());
  storage = memref::ReinterpretCastOp::create(b, loc, flat, storage, offset,
                                              ArrayRef<int64_t>{span},
                                              ArrayRef<int64_t>{1});
}

Value FlatBuffer::load(OpBuilder &b, Location loc, Value position, Value mask,
                       int64_t width, llvm::MaybeAlign alignment) const {
  auto flat = dyn_cast<MemRefType>(storage.getType());
  if (!flat)
    return storage;
  Type element = flat.getElementType();
  Type type = width == 1 ? element : VectorType::get({width}, element);
  Value value;
  if (width == 1) {
    value = memref::LoadOp::create(b, loc, storage, position);
  } else if (!mask) {
    value = vector::LoadOp::create(b, loc, cast<VectorType>(type), storage, position,
                                   /*nontemporal=*/false, alignment);
  } else {
    Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
    value = vector::MaskedLoadOp::create(b, loc, cast<VectorType>(type), storage,
                                         position, mask, zero);
  }
  if (!truth)
    return value;
  Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, value, zero);
}

void FlatBuffer::store(OpBuilder &b, Location loc, Value value, Value position,
                       Value mask, int64_t width, llvm::MaybeAlign alignment) const {
  Type element = cast<MemRefType>(storage.getType()).getElementType();
  Type type = width == 1 ? element : VectorType::get({width}, element);
  if (truth)
    value = arith::ExtUIOp::create(b, loc, type, value);
  if (width == 1)
    memref::StoreOp::create(b, loc, value, storage, position);
  else if (mask)
    vector::MaskedStoreOp::create(b, loc, storage, position, mask, value);
  else
    vector::StoreOp::create(b, loc, value, storage, position, /*nontemporal=*/false, alignment);
}
