//===- LegalizeCumSum.cpp - Running sums -----------------------------------===//

#include "lib/Transforms/ONNX/Build.h"
#include "lib/Transforms/ONNX/Constant.h"
#include "lib/Transforms/ONNX/Legalize.h"
#include "lib/Transforms/ONNX/Passes.h"

namespace bitpipe {
#define GEN_PASS_DEF_LEGALIZECUMSUM
#include "lib/Transforms/ONNX/Passes.h.inc"
} // namespace bitpipe

using namespace mlir;
using namespace bitpipe;

namespace {

/// One where element `from` is part of the running sum at `to`.
Value triangle(OpBuilder &b, const Node &node, int64_t extent, Type element) {
  bool reverse = node.integer("reverse", 0);
  bool exclusive = node.integer("exclusive", 0);
  Constant matrix =
      Constant::zeros(RankedTensorType::get({extent, extent}, element));
  for (int64_t from = 0; from < extent; ++from)
    for (int64_t to = 0; to < extent; ++to) {
      bool reached = reverse ? from > to : from < to;
      bool itself = from == to && !exclusive;
      if (!reached && !itself)
        continue;
      if (matrix.isReal())
        matrix.reals[from * extent + to] = 1;
      else
        matrix.integers[from * extent + to] = 1;
    }
  return arith::ConstantOp::create(b, node.loc(), matrix.toAttr());
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
  Value ones = triangle(b, node, type.getDimSize(axis), type.getElementType());
  return lowered(contraction(b, node.loc(), node.input(0), ones,
                             filledTensor(b, node.loc(), type, 0),
                             {map(from), map({added, to[axis]}), map(to)}));
}

struct LegalizeCumSum : bitpipe::impl::LegalizeCumSumBase<LegalizeCumSum> {
  void runOnOperation() override {
    if (failed(legalizeNodes(getOperation(), {{"CumSum", lowerCumSum}})))
      signalPassFailure();
  }
};

} // namespace
