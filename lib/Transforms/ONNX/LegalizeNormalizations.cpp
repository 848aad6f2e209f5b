//===- LegalizeNormalizations.cpp - LayerNormalization and its relatives ---===//

#include "lib/Transforms/ONNX/Build.h"
#include "lib/Transforms/ONNX/Legalize.h"
#include "lib/Transforms/ONNX/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

namespace bitpipe {
#define GEN_PASS_DEF_LEGALIZENORMALIZATIONS
#include "lib/Transforms/ONNX/Passes.h.inc"
} // namespace bitpipe

using namespace mlir;
using namespace bitpipe;

namespace {

/// The normalised dimensions as one: [rows..., n]. With one dimension that is
/// the input itself.
struct Rows {
  SmallVector<int64_t> rows;
  int64_t n;
  SmallVector<int64_t> shape() const {
    SmallVector<int64_t> all(rows);
    all.push_back(n);
    return all;
  }
};

std::optional<Rows> rowsOf(const Node &node) {
  auto axis = node.axis(-1, node.inputType(0).getRank());
  if (!axis)
    return std::nullopt;
  ArrayRef<int64_t> shape = node.inputShape(0);
  return Rows{SmallVector<int64_t>(shape.take_front(*axis)),
              ShapedType::getNumElements(shape.drop_front(*axis))};
}

/// Input `position` as a vector of n, or n times `number` if it is omitted.
FailureOr<Value> vectorOf(OpBuilder &b, const Node &node, unsigned position,
                          int64_t n, double number) {
  auto type = node.inputType(0).clone({n});
  if (!node.input(position))
    return arith::ConstantOp::create(
               b, node.loc(),
               DenseElementsAttr::get(
                   type, FloatAttr::get(type.getElementType(), number)))
        .getResult();
  if (node.inputType(position).getNumElements() != n)
    return node.error() << "input " << position << " is "
                        << node.inputType(position) << ", expected " << n
                        << " elements";
  return reshape(b, node.loc(), node.input(position), {n});
}

Lowered lowerLayerNorm(OpBuilder &b, const Node &node) {
  Location loc = node.loc();
  auto rows = rowsOf(node);
  if (!rows)
    return node.error() << "has no axis in its input";
  auto weight = vectorOf(b, node, 1, rows->n, 1);
  auto bias = vectorOf(b, node, 2, rows->n, 0);
  if (failed(weight) || failed(bias))
    return failure();
  Value x = reshape(b, loc, node.input(0), rows->shape());
  auto type = cast<RankedTensorType>(x.getType());
  RankedTensorType perRow = type.clone(rows->rows);
  SmallVector<Value> outs{emptyTensor(b, loc, type),
                          emptyTensor(b, loc, perRow),
                          emptyTensor(b, loc, perRow)};
  auto norm = pipe::LayerNormOp::create(
      b, loc, TypeRange{type, perRow, perRow}, ValueRange{x, *weight, *bias},
      outs, b.getF64FloatAttr(node.real("epsilon", 1e-5)));
  SmallVector<Value> results;
  for (auto [i, value] : llvm::enumerate(node.getOp().getResults()))
    results.push_back(reshape(
        b, loc, norm->getResult(i),
        cast<RankedTensorType>(value.getType()).getShape()));
  return results;
}

Value multiply(OpBuilder &b, Location loc, ValueRange args) {
  return arith::MulFOp::create(b, loc, args[0], args[1]);
}

/// x / sqrt(mean(x * x) + epsilon) * weight
Lowered lowerRmsNorm(OpBuilder &b, const Node &node) {
  Location loc = node.loc();
  auto rows = rowsOf(node);
  if (!rows)
    return node.error() << "has no axis in its input";
  auto weight = vectorOf(b, node, 1, rows->n, 1);
  if (failed(weight))
    return failure();
  Value x = reshape(b, loc, node.input(0), rows->shape());
  auto type = cast<RankedTensorType>(x.getType());
  unsigned rank = type.getRank();
  AffineMap all = b.getMultiDimIdentityMap(rank);
  Value zero = filledTensor(b, loc, type.clone(rows->rows), 0);
  Value sum =
      contraction(b, loc, x, x, zero, {all, all, all.dropResult(rank - 1)});
  SmallVector<int64_t> kept(rows->rows);
  kept.push_back(1);
  double epsilon = node.real("epsilon", 1e-5), n = rows->n;
  Value rms = elementwise(
      b, loc, type.clone(rows->rows), sum,
      [&](OpBuilder &inner, Location loc, ValueRange args) {
        Type element = type.getElementType();
        Value mean =
            multiply(inner, loc, {args[0], scalar(inner, loc, element, 1 / n)});
        Value shifted = arith::AddFOp::create(
            inner, loc, mean, scalar(inner, loc, element, epsilon));
        return math::RsqrtOp::create(inner, loc, shifted).getResult();
      });
  Value y = elementwise(
      b, loc, type, {x, reshape(b, loc, rms, kept), *weight},
      [](OpBuilder &inner, Location loc, ValueRange args) {
        return multiply(inner, loc,
                        {multiply(inner, loc, args.take_front(2)), args[2]});
      });
  return lowered(reshape(b, loc, y, node.resultType().getShape()));
}

struct LegalizeNormalizations
    : bitpipe::impl::LegalizeNormalizationsBase<LegalizeNormalizations> {
  void runOnOperation() override {
    if (failed(legalizeNodes(getOperation(),
                             {{"LayerNormalization", lowerLayerNorm},
                              {"RMSNormalization", lowerRmsNorm}})))
      signalPassFailure();
  }
};

} // namespace
