//===- LegalizeViews.cpp - Operators that only move elements ---------------===//

#include "lib/Transforms/ONNX/Build.h"
#include "lib/Transforms/ONNX/Legalize.h"
#include "lib/Transforms/ONNX/Passes.h"
#include "lib/Transforms/ONNX/Views.h"

namespace bitpipe {
#define GEN_PASS_DEF_LEGALIZEVIEWS
#include "lib/Transforms/ONNX/Passes.h.inc"
} // namespace bitpipe

using namespace mlir;
using namespace bitpipe;

namespace {

Lowered lowerReshape(OpBuilder &b, const Node &node) {
  return lowered(
      reshape(b, node.loc(), node.input(0), node.resultType().getShape()));
}

Lowered lowerTranspose(OpBuilder &b, const Node &node) {
  auto perm = permutation(node);
  if (!perm)
    return node.error() << "has no permutation of its input";
  return lowered(transpose(b, node.loc(), node.input(0), *perm));
}

Value extract(OpBuilder &b, Location loc, Value source,
              ArrayRef<int64_t> offsets, ArrayRef<int64_t> sizes,
              ArrayRef<int64_t> strides) {
  auto fold = [&](ArrayRef<int64_t> values) {
    return getAsIndexOpFoldResult(b.getContext(), values);
  };
  return tensor::ExtractSliceOp::create(b, loc, source, fold(offsets),
                                        fold(sizes), fold(strides));
}

Lowered lowerSplit(OpBuilder &b, const Node &node) {
  auto sizes = splitSizes(node);
  if (!sizes)
    return node.error() << "its sizes are not constant";
  int64_t rank = node.inputType(0).getRank();
  int64_t axis = *node.axis(0, rank);
  SmallVector<int64_t> offsets(rank, 0), ones(rank, 1);
  SmallVector<Value> parts;
  for (int64_t size : *sizes) {
    SmallVector<int64_t> shape(node.inputShape(0));
    shape[axis] = size;
    parts.push_back(
        extract(b, node.loc(), node.input(0), offsets, shape, ones));
    offsets[axis] += size;
  }
  return parts;
}

Lowered lowerSlice(OpBuilder &b, const Node &node) {
  auto bounds = sliceBounds(node);
  if (!bounds || llvm::any_of(bounds->steps, [](int64_t s) { return s < 1; }))
    return node.error() << "its range is not constant or runs backwards";
  return lowered(extract(b, node.loc(), node.input(0), bounds->starts,
                         bounds->sizes, bounds->steps));
}

Lowered lowerConcat(OpBuilder &b, const Node &node) {
  int64_t axis = *node.axis(0, node.inputType(0).getRank());
  return lowered(tensor::ConcatOp::create(b, node.loc(), node.resultType(),
                                          axis, node.getOp().getOperands()));
}

struct LegalizeViews : bitpipe::impl::LegalizeViewsBase<LegalizeViews> {
  void runOnOperation() override {
    if (failed(legalizeNodes(getOperation(), {{"Reshape", lowerReshape},
                                              {"Unsqueeze", lowerReshape},
                                              {"Squeeze", lowerReshape},
                                              {"Flatten", lowerReshape},
                                              {"Transpose", lowerTranspose},
                                              {"Split", lowerSplit},
                                              {"Slice", lowerSlice},
                                              {"Concat", lowerConcat}})))
      signalPassFailure();
  }
};

} // namespace
