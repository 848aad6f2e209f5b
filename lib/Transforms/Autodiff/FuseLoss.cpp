//===- FuseLoss.cpp - A linear layer and its cross-entropy are one ---------===//

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Transforms/Autodiff/GradientSums.h"
#include "lib/Transforms/Autodiff/Passes.h"

namespace bitpipe {
#define GEN_PASS_DEF_PIPEFUSELOSS
#include "lib/Transforms/Autodiff/Passes.h.inc"
} // namespace bitpipe

using namespace mlir;
using namespace bitpipe;

namespace {

/// What logits are computed from; weight is [classes, features], or the
/// transpose.
struct LinearLayer {
  Value x, weight, bias;
  bool transposed;
};

/// The vector that a tensor repeats for every row; null if it is another's.
Value repeatedRow(Value value) {
  auto generic = value.getDefiningOp<linalg::GenericOp>();
  if (!generic || generic.getNumReductionLoops() || generic.getNumDpsInputs() != 1 ||
      !llvm::hasSingleElement(*generic.getBody()))
    return {};
  unsigned rank = generic.getNumLoops();
  auto maps = generic.getIndexingMapsArray();
  AffineMap last = AffineMap::get(rank, 0, getAffineDimExpr(rank - 1, value.getContext()));
  auto yield = cast<linalg::YieldOp>(generic.getBody()->getTerminator());
  bool isInput = yield.getOperand(0) == generic.getBody()->getArgument(0);
  return isInput && maps[0] == last && maps[1].isIdentity() ? generic.getInputs()[0] : Value();
}

bool isZero(Value value) {
  auto fill = value.getDefiningOp<linalg::FillOp>();
  auto constant = fill ? fill.getInputs()[0].getDefiningOp<arith::ConstantOp>() : nullptr;
  auto number = constant ? dyn_cast<FloatAttr>(constant.getValue()) : nullptr;
  return number && number.getValue().isZero();
}

/// The operands in their order if the maps are those of rows times a matrix.
std::optional<LinearLayer> matchMaps(linalg::GenericOp op) {
  unsigned loops = op.getNumLoops();
  auto maps = op.getIndexingMapsArray();
  SmallVector<unsigned> reductions;
  op.getReductionDims(reductions);
  if (reductions.size() != 1 || maps[2].getNumResults() + 1 != loops ||
      !maps[2].isProjectedPermutation())
    return std::nullopt;
  MLIRContext *context = op.getContext();
  AffineExpr feature = getAffineDimExpr(reductions[0], context), cls = maps[2].getResults().back();
  SmallVector<AffineExpr> row(maps[2].getResults().drop_back());
  row.push_back(feature);
  AffineMap ofRows = AffineMap::get(loops, 0, row, context);
  AffineMap plain = AffineMap::get(loops, 0, {cls, feature}, context);
  AffineMap transposed = AffineMap::get(loops, 0, {feature, cls}, context);
  for (int i : {0, 1})
    if (maps[i] == ofRows && (maps[1 - i] == plain || maps[1 - i] == transposed))
      return LinearLayer{op.getInputs()[i], op.getInputs()[1 - i], Value(),
                         maps[1 - i] == transposed};
  return std::nullopt;
}

/// The layer that makes the logits, or in `why` the reason that they stay whole.
std::optional<LinearLayer> match(pipe::CrossEntropyOp op, StringRef &why) {
  Value logits = op.getInputs()[0];
  auto generic = logits.getDefiningOp<linalg::GenericOp>();
  std::optional<LinearLayer> layer;
  if (!generic || !linalg::isaContractionOpInterface(generic) || !(layer = matchMaps(generic)))
    why = "they are not the product of rows with a matrix";
  else if (Value init = generic.getDpsInits()[0]; !isZero(init) && !(layer->bias = repeatedRow(init)))
    why = "something else than a bias per class is added to the product";
  else if (!logits.hasOneUse())
    why = "they are used for something else, too";
  else if (!op.getResult(1).use_empty() || !op.getResult(0).hasOneUse() ||
           !isa<func::ReturnOp>(*op.getResult(0).user_begin()))
    why = "the loss is computed from further";
  return why.empty() ? layer : std::nullopt;
}

void fuse(pipe::CrossEntropyOp op, LinearLayer layer) {
  OpBuilder builder(op);
  SmallVector<Value> inputs = {layer.x, layer.weight, op.getInputs()[1]};
  if (layer.bias)
    inputs.push_back(layer.bias);
  Value sum = emptyTensor(builder, op.getLoc(), op.getResult(0).getType());
  Location loc = op.getInputs()[0].getLoc();
  auto fused = pipe::LinearCrossEntropyOp::create(
      builder, loc, TypeRange(sum.getType()), inputs, sum, layer.transposed, op.getIgnoreIndex());
  op.getResult(0).replaceAllUsesWith(fused.getResult(0));
  Operation *product = op.getInputs()[0].getDefiningOp();
  op.erase();
  product->erase();
}

struct FuseLoss : bitpipe::impl::PipeFuseLossBase<FuseLoss> {
  void runOnOperation() override {
    for (auto op : llvm::to_vector(getOperation().getOps<pipe::CrossEntropyOp>())) {
      StringRef why;
      if (auto layer = match(op, why))
        fuse(op, *layer);
      else
        emitRemark(op.getLoc()) << "all logits of a micro-batch are in memory at once: " << why;
    }
  }
};

} // namespace
