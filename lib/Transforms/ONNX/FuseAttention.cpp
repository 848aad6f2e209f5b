//===- FuseAttention.cpp - Attention in one piece --------------------------===//

#include "lib/Transforms/ONNX/AttentionOperands.h"
#include "lib/Transforms/ONNX/AttentionSearch.h"
#include "lib/Transforms/ONNX/Build.h"
#include "lib/Transforms/ONNX/Passes.h"
#include "lib/Transforms/ONNX/Scores.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace bitpipe {
#define GEN_PASS_DEF_FUSEATTENTION
#include "lib/Transforms/ONNX/Passes.h.inc"
} // namespace bitpipe

using namespace mlir;
using namespace bitpipe;

/// pipe.attention on operands in its order; its o.
static Value makeAttention(OpBuilder &b, Location loc, const AttentionPattern &pattern,
                           const AttentionOperands &operands) {
  SmallVector<Value> inputs{operands.q, operands.k, operands.v};
  if (operands.bias)
    inputs.push_back(operands.bias);
  FloatAttr ratio;
  if (pattern.dropout) {
    ratio = pipe::DropoutOp(pattern.dropout).getRatioAttr();
    inputs.push_back(pipe::DropoutOp(pattern.dropout).getInputs()[1]);
  }
  auto sizes = pipe::AttentionSizes::of(operands.q, operands.k, operands.v);
  auto type = cast<RankedTensorType>(operands.q.getType());
  Value inits[] = {
      emptyTensor(b, loc, type.clone({sizes.batch, sizes.rows, sizes.heads, sizes.valueSize})),
      emptyTensor(b, loc, RankedTensorType::get({sizes.batch, sizes.heads, sizes.rows}, b.getF32Type()))};
  auto limit = [&](std::optional<int64_t> count) {
    return count ? b.getI64IntegerAttr(*count) : IntegerAttr();
  };
  auto op = pipe::AttentionOp::create(
      b, loc, ValueRange(inits).getTypes(), inputs, inits, b.getF64FloatAttr(pattern.scale),
      limit(pattern.left), limit(pattern.right),
      pattern.softcap ? b.getF64FloatAttr(*pattern.softcap) : FloatAttr(),
      operands.bias ? b.getUnitAttr() : UnitAttr(), ratio);
  return op.getResult(0);
}

static void fuse(Node softmax, AttentionPattern &pattern) {
  OpBuilder b(pattern.output.getOp());
  Expansion e(b, softmax.loc());
  Value o = makeAttention(b, softmax.loc(), pattern, attentionOperands(e, pattern));
  pattern.output.result().replaceAllUsesWith(attentionResult(e, pattern, o));
}

/// What nothing uses would count as a use of what it is made of.
static void eraseDead(func::FuncOp function) {
  for (Block &block : function.getBody())
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
      if (isOpTriviallyDead(&op))
        op.erase();
}

namespace {

struct FuseAttention : bitpipe::impl::FuseAttentionBase<FuseAttention> {
  using FuseAttentionBase::FuseAttentionBase;

  void runOnOperation() override {
    MaskReader masks(getOperation());
    for (auto function : getOperation().getOps<func::FuncOp>())
      runOn(function, masks);
    for (auto model : getOperation().getOps<pipe::ModelOp>())
      report(model);
  }

private:
  void runOn(func::FuncOp function, MaskReader &masks) {
    eraseDead(function);
    SmallVector<pipe::OnnxNodeOp> nodes;
    function.walk([&](pipe::OnnxNodeOp op) {
      if (op.getOpType() == "Softmax")
        nodes.push_back(op);
    });
    for (Node softmax : nodes)
      visit(softmax, masks);
    eraseDead(function);
  }

  void visit(Node softmax, MaskReader &masks) {
    if (!isAttention(softmax))
      return;
    dropNanGuards(softmax.result());
    AttentionPattern pattern;
    std::string why = decomposed ? "asked for" : readAttention(softmax, masks, pattern);
    if (why.empty()) {
      fuse(softmax, pattern);
      ++fused;
      return;
    }
    reasons.push_back(("'" + nodeName(softmax.loc()) + "': " + why).str());
  }

  /// Later levels keep what was found here, for those who ask then.
  void report(pipe::ModelOp model) {
    if (!fused && reasons.empty())
      return;
    OpBuilder b(model);
    model.setAttentionsAttr(b.getI64IntegerAttr(fused));
    auto remark = mlir::emitRemark(model.getLoc())
                  << "attention: " << fused << " in one piece, " << reasons.size()
                  << " in several operations";
    if (reasons.empty())
      return;
    SmallVector<StringRef> lines(reasons.begin(), reasons.end());
    model.setDecomposedAttr(b.getStrArrayAttr(lines));
    for (StringRef line : lines)
      remark.attachNote() << line;
  }

  int64_t fused = 0;
  std::vector<std::string> reasons;
};

} // namespace
