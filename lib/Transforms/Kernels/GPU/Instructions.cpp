//===- Instructions.cpp - What a GPU has instructions for ------------------===//

#include "lib/Transforms/Kernels/GPU/Instructions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;
using namespace bitpipe;

namespace {

/// A number's or a vector's elements.
SmallVector<Value> elementsOf(OpBuilder &b, Location loc, Value value) {
  auto type = dyn_cast<VectorType>(value.getType());
  if (!type)
    return {value};
  auto elements = vector::ToElementsOp::create(b, loc, value);
  return SmallVector<Value>(elements.getResults());
}

bool isNumberOrVector(Type type) {
  auto vector = dyn_cast<VectorType>(type);
  return !vector || (vector.getRank() == 1 && !vector.isScalable());
}

Value instruction(OpBuilder &b, Location loc, Type result, ValueRange operands, StringRef text,
                  StringRef constraints) {
  return LLVM::InlineAsmOp::create(b, loc, TypeRange(result), operands, text, constraints,
                                   /*has_side_effects=*/false, /*is_align_stack=*/false,
                                   LLVM::TailCallKind::None, LLVM::AsmDialectAttr(),
                                   /*operand_attrs=*/ArrayAttr())
      .getResult(0);
}

struct Round : OpRewritePattern<arith::TruncFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::TruncFOp op, PatternRewriter &b) const override {
    Type type = op.getType();
    if (!getElementTypeOrSelf(op.getIn().getType()).isF32() ||
        !getElementTypeOrSelf(type).isBF16() || !isNumberOrVector(type))
      return failure();
    Location loc = op.getLoc();
    SmallVector<Value> numbers = elementsOf(b, loc, op.getIn());
    auto count = int64_t(numbers.size());
    SmallVector<Value> pairs;
    for (int64_t i = 0; i < count; i += 2) // the first of two is the lower half
      pairs.push_back(instruction(b, loc, b.getI32Type(),
                                  {numbers[std::min(i + 1, count - 1)], numbers[i]},
                                  "cvt.rn.bf16x2.f32 $0, $1, $2;", "=r,f,f"));
    Type half = b.getI16Type();
    if (!isa<VectorType>(type)) {
      Value low = arith::TruncIOp::create(b, loc, half, pairs[0]);
      b.replaceOpWithNewOp<arith::BitcastOp>(op, type, low);
      return success();
    }
    auto words = VectorType::get(int64_t(pairs.size()), b.getI32Type());
    Value all = vector::FromElementsOp::create(b, loc, words, pairs);
    Value halves = vector::BitCastOp::create(b, loc, VectorType::get(2 * words.getDimSize(0), half), all);
    if (count % 2)
      halves = vector::ExtractStridedSliceOp::create(b, loc, halves, ArrayRef<int64_t>{0},
                                                     ArrayRef<int64_t>{count}, ArrayRef<int64_t>{1});
    b.replaceOpWithNewOp<arith::BitcastOp>(op, type, halves);
    return success();
  }
};

struct Divide : OpRewritePattern<arith::DivFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::DivFOp op, PatternRewriter &b) const override {
    Type type = op.getType();
    if (!getElementTypeOrSelf(type).isF32() || !isNumberOrVector(type))
      return failure();
    Location loc = op.getLoc();
    SmallVector<Value> quotients;
    for (auto [x, y] : llvm::zip_equal(elementsOf(b, loc, op.getLhs()), elementsOf(b, loc, op.getRhs())))
      quotients.push_back(instruction(b, loc, b.getF32Type(), {x, y}, "div.full.f32 $0, $1, $2;", "=f,f,f"));
    if (auto vector = dyn_cast<VectorType>(type))
      b.replaceOpWithNewOp<vector::FromElementsOp>(op, vector, quotients);
    else
      b.replaceOp(op, quotients[0]);
    return success();
  }
};

} // namespace

LogicalResult grid::useInstructions(ModuleOp module) {
  RewritePatternSet patterns(module.getContext());
  patterns.add<Round, Divide>(module.getContext());
  return applyPatternsGreedily(module, std::move(patterns));
}
