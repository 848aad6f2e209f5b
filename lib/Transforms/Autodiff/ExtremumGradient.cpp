//===- ExtremumGradient.cpp - The gradient of a maximum along dimensions ---===//

#include "lib/Transforms/Autodiff/ExtremumGradient.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace bitpipe;

bool bitpipe::isExtremum(linalg::GenericOp op) {
  if (op.getNumReductionLoops() == 0 || op.getNumDpsInputs() != 1 ||
      op.getNumDpsInits() != 1)
    return false;
  if (!op.getMatchingIndexingMap(op.getDpsInputOperand(0)).isIdentity() ||
      !op.getMatchingIndexingMap(op.getDpsInitOperand(0))
           .isProjectedPermutation())
    return false;
  auto fill = op.getDpsInitOperand(0)->get().getDefiningOp<linalg::FillOp>();
  Block *body = op.getBody();
  if (!fill || body->getOperations().size() != 2)
    return false;
  Operation &inner = body->front();
  return isa<arith::MaximumFOp, arith::MinimumFOp, arith::MaxNumFOp,
             arith::MinNumFOp>(inner) &&
         llvm::equal(body->getTerminator()->getOperands(), inner.getResults()) &&
         llvm::is_contained(inner.getOperands(), body->getArgument(0)) &&
         llvm::is_contained(inner.getOperands(), body->getArgument(1));
}

/// Whether an element is the extremum, as a condition.
static Value isChosen(OpBuilder &b, Location loc, Value x, Value y) {
  return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, x, y);
}

/// Per result how many elements share it.
static Value countChosen(linalg::GenericOp op, OpBuilder &builder) {
  Value y = op.getResult(0);
  AffineMap whole = op.getMatchingIndexingMap(op.getDpsInputOperand(0));
  AffineMap kept = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  Value zero = zeroTensor(builder, op.getLoc(), y.getType());
  auto body = [](OpBuilder &b, Location loc, ValueRange args) {
    Value one = arith::UIToFPOp::create(
        b, loc, args[2].getType(), isChosen(b, loc, args[0], args[1]));
    linalg::YieldOp::create(
        b, loc, arith::AddFOp::create(b, loc, args[2], one).getResult());
  };
  return linalg::GenericOp::create(
             builder, op.getLoc(), y.getType(),
             ValueRange{op.getDpsInputs()[0], y}, zero,
             ArrayRef<AffineMap>{whole, kept, kept}, op.getIteratorTypesArray(),
             body)
      .getResult(0);
}

void bitpipe::buildExtremumGradient(linalg::GenericOp op, OpBuilder &builder,
                                    Value gradient, GradientSums &sums) {
  Value x = op.getDpsInputs()[0];
  if (!sums.needs(x))
    return;
  AffineMap whole = op.getMatchingIndexingMap(op.getDpsInputOperand(0));
  AffineMap kept = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  auto body = [](OpBuilder &b, Location loc, ValueRange args) {
    Value zero = arith::ConstantOp::create(b, loc,
                                           b.getZeroAttr(args[2].getType()));
    Value share = arith::DivFOp::create(b, loc, args[2], args[3]);
    Value chosen = isChosen(b, loc, args[0], args[1]);
    linalg::YieldOp::create(
        b, loc,
        arith::SelectOp::create(b, loc, chosen, share, zero).getResult());
  };
  SmallVector<utils::IteratorType> iterators(op.getNumLoops(),
                                             utils::IteratorType::parallel);
  Value count = countChosen(op, builder);
  auto share = linalg::GenericOp::create(
      builder, op.getLoc(), x.getType(),
      ValueRange{x, op.getResult(0), gradient, count},
      emptyTensor(builder, op.getLoc(), x.getType()),
      ArrayRef<AffineMap>{whole, kept, kept, kept, whole}, iterators, body);
  sums.add(x, share.getResult(0));
}
