//===- AccumulateAddends.cpp - Biases and residuals into contractions ------===//

#include "lib/Transforms/ONNX/Build.h"
#include "lib/Transforms/ONNX/Contractions.h"
#include "lib/Transforms/ONNX/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

namespace bitpipe {
#define GEN_PASS_DEF_ACCUMULATEADDENDS
#include "lib/Transforms/ONNX/Passes.h.inc"
} // namespace bitpipe

using namespace mlir;
using namespace bitpipe;

namespace {

/// Whether the body is the sum of its two operands.
bool isSum(linalg::GenericOp op) {
  if (op.getNumDpsInputs() != 2)
    return false;
  Block *body = op.getBody();
  auto add = dyn_cast<arith::AddFOp>(body->front());
  return add && add->getNextNode() == body->getTerminator() &&
         body->getTerminator()->getOperand(0) == add.getResult() &&
         add.getLhs() != add.getRhs() &&
         isa<BlockArgument>(add.getLhs()) && isa<BlockArgument>(add.getRhs());
}

/// A contraction that starts from zero and is used here only.
linalg::GenericOp contractionFor(OpOperand &operand, linalg::GenericOp sum) {
  auto producer = operand.get().getDefiningOp<linalg::GenericOp>();
  if (!isContraction(producer) || !operand.get().hasOneUse() ||
      !sum.getMatchingIndexingMap(&operand).isIdentity())
    return nullptr;
  auto fill = producer.getDpsInits()[0].getDefiningOp<linalg::FillOp>();
  return fill && matchPattern(fill.getInputs()[0], m_AnyZeroFloat()) ? producer
                                                                     : nullptr;
}

/// What the sum adds, as a tensor of the sum's type: as its map reads it, which
/// may repeat it along any dimension.
Value addendOf(OpBuilder &b, linalg::GenericOp sum, OpOperand &addend) {
  auto type = cast<RankedTensorType>(sum.getResult(0).getType());
  AffineMap map = sum.getMatchingIndexingMap(&addend);
  if (map.isIdentity())
    return addend.get();
  auto yieldInput = [](OpBuilder &inner, Location loc, ValueRange args) {
    linalg::YieldOp::create(inner, loc, args[0]);
  };
  SmallVector<utils::IteratorType> parallel(type.getRank(),
                                            utils::IteratorType::parallel);
  AffineMap maps[] = {map, b.getMultiDimIdentityMap(type.getRank())};
  return linalg::GenericOp::create(b, sum.getLoc(), type, addend.get(),
                                   emptyTensor(b, sum.getLoc(), type), maps,
                                   parallel, yieldInput)
      .getResult(0);
}

void accumulate(linalg::GenericOp sum) {
  for (int i : {0, 1}) {
    linalg::GenericOp product = contractionFor(sum->getOpOperand(i), sum);
    if (!product)
      continue;
    OpBuilder b(sum);
    Value start = addendOf(b, sum, sum->getOpOperand(1 - i));
    // Where the sum stood: there the addend is known.
    Value result = contraction(b, product.getLoc(), product.getInputs()[0],
                               product.getInputs()[1], start,
                               product.getIndexingMapsArray());
    sum.getResult(0).replaceAllUsesWith(result);
    sum.erase();
    product.erase();
    return;
  }
}

struct AccumulateAddends
    : bitpipe::impl::AccumulateAddendsBase<AccumulateAddends> {
  void runOnOperation() override {
    SmallVector<linalg::GenericOp> sums;
    getOperation().walk([&](linalg::GenericOp op) {
      if (isElementwiseGeneric(op) && isSum(op))
        sums.push_back(op);
    });
    for (linalg::GenericOp op : sums)
      accumulate(op);
  }
};

} // namespace
