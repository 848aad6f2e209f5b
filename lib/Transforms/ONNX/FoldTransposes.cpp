//===- FoldTransposes.cpp - Transposes become indexing maps ----------------===//

#include "lib/Transforms/ONNX/Build.h"
#include "lib/Transforms/ONNX/Contractions.h"
#include "lib/Transforms/ONNX/Passes.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace bitpipe {
#define GEN_PASS_DEF_FOLDTRANSPOSES
#include "lib/Transforms/ONNX/Passes.h.inc"
} // namespace bitpipe

using namespace mlir;
using namespace bitpipe;

namespace {

/// A contraction reads the source of a transpose through a permuted map.
struct FoldIntoOperands : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(linalg::GenericOp op,
                                PatternRewriter &rewriter) const override {
    if (!isContraction(op))
      return failure();
    SmallVector<AffineMap> maps = op.getIndexingMapsArray();
    SmallVector<Value> inputs(op.getInputs());
    bool changed = false;
    for (auto [input, map] : llvm::zip(inputs, maps)) {
      auto transpose = input.getDefiningOp<linalg::TransposeOp>();
      if (!transpose)
        continue;
      SmallVector<AffineExpr> exprs(map.getNumResults());
      for (auto [i, from] : llvm::enumerate(transpose.getPermutation()))
        exprs[from] = map.getResult(i);
      map = AffineMap::get(map.getNumDims(), 0, exprs, op.getContext());
      input = transpose.getInput();
      changed = true;
    }
    if (!changed)
      return failure();
    rewriter.modifyOpInPlace(op, [&] {
      op.getInputsMutable().assign(inputs);
      op.setIndexingMapsAttr(rewriter.getAffineMapArrayAttr(maps));
    });
    return success();
  }
};

/// A contraction whose only use is a transpose writes the transposed tensor.
struct FoldIntoResult : OpRewritePattern<linalg::TransposeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(linalg::TransposeOp op,
                                PatternRewriter &rewriter) const override {
    auto producer = op.getInput().getDefiningOp<linalg::GenericOp>();
    if (!isContraction(producer) || !op.getInput().hasOneUse())
      return failure();
    auto fill = producer.getDpsInits()[0].getDefiningOp<linalg::FillOp>();
    if (!fill)
      return failure();
    SmallVector<AffineMap> maps = producer.getIndexingMapsArray();
    SmallVector<AffineExpr> exprs;
    for (int64_t from : op.getPermutation())
      exprs.push_back(maps[2].getResult(from));
    maps[2] =
        AffineMap::get(maps[2].getNumDims(), 0, exprs, op.getContext());
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    rewriter.setInsertionPoint(producer);
    Value start =
        linalg::FillOp::create(rewriter, fill.getLoc(), fill.getInputs(),
                               emptyTensor(rewriter, fill.getLoc(), type))
            .getResult(0);
    Value result = contraction(rewriter, producer.getLoc(),
                               producer.getInputs()[0], producer.getInputs()[1],
                               start, maps);
    rewriter.replaceOp(op, result);
    return success();
  }
};

/// Collapsing dimensions, moving them together and expanding them again is one
/// transpose of the dimensions.
struct UnwrapTranspose : OpRewritePattern<tensor::ExpandShapeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(tensor::ExpandShapeOp expand,
                                PatternRewriter &rewriter) const override {
    auto transposed = expand.getSrc().getDefiningOp<linalg::TransposeOp>();
    if (!transposed)
      return failure();
    auto collapse =
        transposed.getInput().getDefiningOp<tensor::CollapseShapeOp>();
    if (!collapse)
      return failure();
    ArrayRef<int64_t> before = collapse.getSrcType().getShape();
    ArrayRef<int64_t> after = expand.getResultType().getShape();
    auto merged = collapse.getReassociationIndices();
    SmallVector<int64_t> perm;
    for (auto [i, group] : llvm::enumerate(expand.getReassociationIndices())) {
      ArrayRef<int64_t> from = merged[transposed.getPermutation()[i]];
      if (from.size() != group.size())
        return failure();
      for (auto [in, out] : llvm::zip(from, group)) {
        if (before[in] != after[out])
          return failure();
        perm.push_back(in);
      }
    }
    rewriter.replaceOp(expand, transpose(rewriter, transposed.getLoc(),
                                         collapse.getSrc(), perm));
    return success();
  }
};

struct FoldTransposes : bitpipe::impl::FoldTransposesBase<FoldTransposes> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<FoldIntoOperands, FoldIntoResult, UnwrapTranspose>(
        &getContext());
    linalg::TransposeOp::getCanonicalizationPatterns(patterns, &getContext());
    tensor::CollapseShapeOp::getCanonicalizationPatterns(patterns,
                                                         &getContext());
    tensor::ExpandShapeOp::getCanonicalizationPatterns(patterns, &getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
