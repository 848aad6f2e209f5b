//===- FuseRoundings.cpp - What makes a tensor rounds it, too ---------------===//

#include "lib/Transforms/Precision/Passes.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace bitpipe;

namespace bitpipe {
#define GEN_PASS_DEF_FUSEROUNDINGS
#include "lib/Transforms/Precision/Passes.h.inc"
} // namespace bitpipe

/// Every element by itself.
static bool isElementwise(linalg::GenericOp op) {
  return op && op.getNumReductionLoops() == 0 && op.getIndexingMapsArray().back().isPermutation();
}

/// An operation that does nothing but make bf16 of a tensor of f32, element by element.
static bool isRounding(linalg::GenericOp op) {
  if (!isElementwise(op) || op.getNumDpsInputs() != 1 || op.getNumDpsInits() != 1 ||
      op.getIndexingMapsArray()[0] != op.getIndexingMapsArray()[1])
    return false;
  auto round = op.getBody()->getTerminator()->getOperand(0).getDefiningOp<arith::TruncFOp>();
  return round && round.getIn() == op.getBody()->getArgument(0) && round.getType().isBF16();
}

/// The producer with the rounded tensor as a result more.
static linalg::GenericOp withRounded(linalg::GenericOp producer, OpResult result,
                                     RankedTensorType type) {
  OpBuilder b(producer);
  Location loc = producer.getLoc();
  Value empty = tensor::EmptyOp::create(b, loc, type.getShape(), type.getElementType());
  SmallVector<Value> inits(producer.getDpsInits());
  inits.push_back(empty);
  SmallVector<AffineMap> maps = producer.getIndexingMapsArray();
  maps.push_back(producer.getMatchingIndexingMap(producer.getDpsInitOperand(result.getResultNumber())));
  SmallVector<Type> types(producer->getResultTypes());
  types.push_back(type);
  auto body = [&](OpBuilder &inside, Location at, ValueRange arguments) {
    IRMapping mapping;
    mapping.map(producer.getBody()->getArguments(), arguments.drop_back());
    for (Operation &inner : producer.getBody()->without_terminator())
      inside.clone(inner, mapping);
    SmallVector<Value> yielded;
    for (Value value : producer.getBody()->getTerminator()->getOperands())
      yielded.push_back(mapping.lookupOrDefault(value));
    yielded.push_back(arith::TruncFOp::create(inside, at, type.getElementType(),
                                              yielded[result.getResultNumber()]));
    linalg::YieldOp::create(inside, at, yielded);
  };
  return linalg::GenericOp::create(b, loc, types, producer.getDpsInputs(), inits, maps,
                                   producer.getIteratorTypesArray(), body);
}

/// Whether the producer computes that tensor of f32 element by element.
static bool canRound(linalg::GenericOp producer, OpResult result) {
  if (!isElementwise(producer))
    return false;
  SmallVector<AffineMap> maps = producer.getIndexingMapsArray();
  auto outputs = ArrayRef<AffineMap>(maps).drop_front(producer.getNumDpsInputs());
  return llvm::all_equal(outputs) && cast<RankedTensorType>(result.getType()).getElementType().isF32();
}

static void fuse(linalg::GenericOp rounding) {
  auto result = dyn_cast<OpResult>(rounding.getDpsInputs()[0]);
  auto producer = result ? dyn_cast<linalg::GenericOp>(result.getOwner()) : linalg::GenericOp();
  if (!producer || producer->getBlock() != rounding->getBlock() || !canRound(producer, result))
    return;
  auto type = cast<RankedTensorType>(rounding.getResult(0).getType());
  linalg::GenericOp made = withRounded(producer, result, type);
  producer.replaceAllUsesWith(made->getResults().drop_back());
  rounding.getResult(0).replaceAllUsesWith(made->getResults().back());
  producer.erase();
  rounding.erase();
}

namespace {

struct FuseRoundings : bitpipe::impl::FuseRoundingsBase<FuseRoundings> {
  void runOnOperation() override {
    SmallVector<linalg::GenericOp> roundings;
    getOperation().walk([&](linalg::GenericOp op) {
      if (isRounding(op))
        roundings.push_back(op);
    });
    for (linalg::GenericOp rounding : roundings)
      fuse(rounding);
  }
};

} // namespace
