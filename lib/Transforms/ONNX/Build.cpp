//===- Build.cpp - The forms of level 0 ------------------------------------===//

#include "lib/Transforms/ONNX/Build.h"
#include "lib/Transforms/ONNX/Node.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace bitpipe;
using utils::IteratorType;

Value bitpipe::emptyTensor(OpBuilder &b, Location loc, RankedTensorType type) {
  return tensor::EmptyOp::create(b, loc, type.getShape(),
                                 type.getElementType());
}

Value bitpipe::scalar(OpBuilder &b, Location loc, Type type, double number) {
  if (isa<FloatType>(type))
    return arith::ConstantOp::create(b, loc, b.getFloatAttr(type, number));
  return arith::ConstantOp::create(b, loc,
                                   b.getIntegerAttr(type, int64_t(number)));
}

Value bitpipe::filledTensor(OpBuilder &b, Location loc, RankedTensorType type,
                            double number) {
  Value value = scalar(b, loc, type.getElementType(), number);
  return linalg::FillOp::create(b, loc, value, emptyTensor(b, loc, type))
      .getResult(0);
}

/// How `input` is read when broadcast to `rank` dimensions of `shape`:
/// dimensions that are repeated are dropped from the input and the map.
static std::pair<Value, AffineMap> broadcastOperand(OpBuilder &b, Location loc,
                                                    Value input,
                                                    ArrayRef<int64_t> shape) {
  auto type = cast<RankedTensorType>(input.getType());
  int64_t missing = shape.size() - type.getRank();
  SmallVector<AffineExpr> exprs;
  SmallVector<int64_t> kept;
  for (auto [i, dim] : llvm::enumerate(type.getShape())) {
    int64_t at = missing + i;
    if (dim == 1 && shape[at] != 1)
      continue;
    kept.push_back(dim);
    exprs.push_back(b.getAffineDimExpr(at));
  }
  if (int64_t(kept.size()) != type.getRank())
    input = reshape(b, loc, input, kept);
  return {input, AffineMap::get(shape.size(), 0, exprs, b.getContext())};
}

Value bitpipe::elementwise(OpBuilder &b, Location loc, RankedTensorType type,
                           ValueRange inputs, ScalarBody body) {
  SmallVector<Value> operands;
  SmallVector<AffineMap> maps;
  SmallVector<TypedAttr> numbers; // per input its number, if it is constant
  for (Value input : inputs) {
    DenseElementsAttr constant = constantOf(input);
    if (constant && constant.isSplat()) {
      numbers.push_back(constant.getSplatValue<TypedAttr>());
      continue;
    }
    numbers.push_back(nullptr);
    auto [operand, map] = broadcastOperand(b, loc, input, type.getShape());
    operands.push_back(operand);
    maps.push_back(map);
  }
  maps.push_back(b.getMultiDimIdentityMap(type.getRank()));
  SmallVector<IteratorType> iterators(type.getRank(), IteratorType::parallel);
  auto op = linalg::GenericOp::create(
      b, loc, type, operands, emptyTensor(b, loc, type), maps, iterators,
      [&](OpBuilder &inner, Location loc, ValueRange arguments) {
        SmallVector<Value> scalars;
        for (TypedAttr number : numbers) {
          if (number) {
            scalars.push_back(arith::ConstantOp::create(inner, loc, number));
            continue;
          }
          scalars.push_back(arguments.front());
          arguments = arguments.drop_front();
        }
        linalg::YieldOp::create(inner, loc, body(inner, loc, scalars));
      });
  return op.getResult(0);
}

Value bitpipe::broadcast(OpBuilder &b, Location loc, RankedTensorType type,
                         Value input) {
  return elementwise(
      b, loc, type, input,
      [](OpBuilder &, Location, ValueRange args) { return args[0]; });
}

/// The finest shape of which both are expansions, and how each expands it.
static SmallVector<int64_t> commonShape(ArrayRef<int64_t> a, ArrayRef<int64_t> b,
                                        SmallVector<ReassociationIndices> &inA,
                                        SmallVector<ReassociationIndices> &inB) {
  SmallVector<int64_t> common;
  size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    ReassociationIndices groupA{int64_t(i)}, groupB{int64_t(j)};
    int64_t sizeA = a[i++], sizeB = b[j++];
    while (sizeA != sizeB) {
      if (sizeA < sizeB && i < a.size()) {
        groupA.push_back(i);
        sizeA *= a[i++];
      } else if (j < b.size()) {
        groupB.push_back(j);
        sizeB *= b[j++];
      } else {
        break;
      }
    }
    common.push_back(sizeA);
    inA.push_back(groupA);
    inB.push_back(groupB);
  }
  for (; i < a.size() && !inA.empty(); ++i) // ones that are left
    inA.back().push_back(i);
  for (; j < b.size() && !inB.empty(); ++j)
    inB.back().push_back(j);
  return common;
}

Value bitpipe::reshape(OpBuilder &b, Location loc, Value value,
                       ArrayRef<int64_t> shape) {
  auto type = cast<RankedTensorType>(value.getType());
  if (type.getShape() == shape)
    return value;
  SmallVector<ReassociationIndices> before, after;
  SmallVector<int64_t> common =
      commonShape(type.getShape(), shape, before, after);
  RankedTensorType commonType = type.clone(common);
  if (type != commonType)
    value = tensor::CollapseShapeOp::create(b, loc, commonType, value, before);
  if (ArrayRef<int64_t>(common) == shape)
    return value;
  return tensor::ExpandShapeOp::create(b, loc, type.clone(shape), value, after);
}

Value bitpipe::transpose(OpBuilder &b, Location loc, Value value,
                         ArrayRef<int64_t> perm) {
  // Nothing moves, as with a single number, of which linalg has no transpose.
  if (llvm::is_sorted(perm))
    return value;
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> shape;
  for (int64_t dim : perm)
    shape.push_back(type.getDimSize(dim));
  return linalg::TransposeOp::create(
             b, loc, value, emptyTensor(b, loc, type.clone(shape)), perm)
      ->getResult(0);
}

Value bitpipe::contraction(OpBuilder &b, Location loc, Value lhs, Value rhs,
                           Value outs, ArrayRef<AffineMap> maps) {
  SmallVector<IteratorType> iterators(maps[2].getNumDims(),
                                      IteratorType::reduction);
  for (AffineExpr expr : maps[2].getResults())
    iterators[cast<AffineDimExpr>(expr).getPosition()] = IteratorType::parallel;
  auto body = [](OpBuilder &inner, Location loc, ValueRange args) {
    bool real = isa<FloatType>(args[2].getType());
    Value product =
        real ? arith::MulFOp::create(inner, loc, args[0], args[1]).getResult()
             : arith::MulIOp::create(inner, loc, args[0], args[1]).getResult();
    Value sum =
        real ? arith::AddFOp::create(inner, loc, args[2], product).getResult()
             : arith::AddIOp::create(inner, loc, args[2], product).getResult();
    linalg::YieldOp::create(inner, loc, sum);
  };
  return linalg::GenericOp::create(b, loc, outs.getType(), ValueRange{lhs, rhs},
                                   outs, maps, iterators, body)
      .getResult(0);
}
