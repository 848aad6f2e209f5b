//===- LegalizeCumSum.cpp - Running sums -----------------------------------===//

#include "lib/Transforms/ONNX/Build.h"
#include "lib/Transforms/ONNX/Constant.h"
#include "lib/Transforms/ONNX/Legalize.h"
#include "lib/Transforms/ONNX/Passes.h"
#include "lib/Transforms/ONNX/ScalarBodies.h"

namespace bitpipe {
#define GEN_PASS_DEF_LEGALIZECUMSUM
#include "lib/Transforms/ONNX/Passes.h.inc"
} // namespace bitpipe

using namespace mlir;
using namespace bitpipe;

namespace {

/// One where element `from` is part of the running sum at `to`.
Value triangle(OpBuilder &b, const Node &node, int64_t extent) {
  bool reverse = node.integer("reverse", 0);
  bool exclusive = node.integer("exclusive", 0);
  Constant matrix =
      Constant::zeros(RankedTensorType::get({extent, extent}, b.getF32Type()));
  for (int64_t from = 0; from < extent; ++from)
    for (int64_t to = 0; to < extent; ++to) {
      bool reached = reverse ? from > to : from < to;
      bool itself = from == to && !exclusive;
      matrix.reals[from * extent + to] = reached || itself;
    }
  return arith::ConstantOp::create(b, node.loc(), matrix.toAttr());
}

Value cast(OpBuilder &b, Location loc, Value value, Type element) {
  auto type = mlir::cast<RankedTensorType>(value.getType()).clone(element);
  return elementwise(b, loc, type, value,
                     [&](OpBuilder &inner, Location loc, ValueRange args) {
                       return castScalar(inner, loc, args[0], element);
                     });
}

Lowered lowerCumSum(OpBuilder &b, const Node &node) {
  RankedTensorType type = node.resultType();
  int64_t rank = type.getRank();
  auto given = integersOf(node.input(1));
  if (!given || given->size() != 1 || given->front() < -rank ||
      given->front() >= rank)
    return node.error() << "its axis is not constant or not one of " << type;
  int64_t axis = given->front() < 0 ? given->front() + rank : given->front();

  // Loops: those of the result, then the position that is added.
  SmallVector<AffineExpr> to;
  for (int64_t i = 0; i < rank; ++i)
    to.push_back(b.getAffineDimExpr(i));
  AffineExpr added = b.getAffineDimExpr(rank);
  SmallVector<AffineExpr> from(to);
  from[axis] = added;
  auto map = [&](ArrayRef<AffineExpr> exprs) {
    return AffineMap::get(rank + 1, 0, exprs, b.getContext());
  };
  Value x = cast(b, node.loc(), node.input(0), b.getF32Type());
  Value zero = filledTensor(b, node.loc(), type.clone(b.getF32Type()), 0);
  Value sums =
      contraction(b, node.loc(), x, triangle(b, node, type.getDimSize(axis)),
                  zero, {map(from), map({added, to[axis]}), map(to)});
  return lowered(cast(b, node.loc(), sums, type.getElementType()));
}

struct LegalizeCumSum : bitpipe::impl::LegalizeCumSumBase<LegalizeCumSum> {
  void runOnOperation() override {
    if (failed(legalizeNodes(getOperation(), {{"CumSum", lowerCumSum}})))
      signalPassFailure();
  }
};

} // namespace
