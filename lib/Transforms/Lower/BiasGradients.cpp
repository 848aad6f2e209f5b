//===- BiasGradients.cpp - Sums that a product makes of an operand ---------===//

#include "lib/Transforms/Lower/BiasGradients.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace bitpipe;
using namespace bitpipe::lower;

/// The loop of the sum for each dimension of its input.
static unsigned loopOf(linalg::GenericOp sum, unsigned dim) {
  return sum.getIndexingMapsArray()[0].getDimPosition(dim);
}

/// acc + in, in f32 whatever the input is in memory.
static bool addsUp(linalg::GenericOp op) {
  Block *body = op.getBody();
  auto sum = body->getTerminator()->getOperand(0).getDefiningOp<arith::AddFOp>();
  if (!sum || !sum.getType().isF32())
    return false;
  Value term = sum.getLhs() == body->getArgument(1) ? sum.getRhs() : sum.getLhs();
  Value other = sum.getLhs() == term ? sum.getRhs() : sum.getLhs();
  if (auto extended = term.getDefiningOp<arith::ExtFOp>())
    term = extended.getIn();
  return term == body->getArgument(0) && other == body->getArgument(1);
}

/// A sum of one tensor, over some of its dimensions.
static bool isSum(linalg::GenericOp op) {
  if (op.getNumDpsInputs() != 1 || op.getNumDpsInits() != 1 || op->getNumResults() != 1)
    return false;
  auto maps = op.getIndexingMapsArray();
  return maps[0].isPermutation() && maps[1].isProjectedPermutation() && addsUp(op);
}

/// Whether the sum is over exactly the loops of the operand that the contraction sums
/// over. The others may be a batch's, which has no form with a bias gradient.
static bool sumsLike(linalg::GenericOp sum, linalg::GenericOp contraction, unsigned operand) {
  auto maps = contraction.getIndexingMapsArray();
  AffineMap result = sum.getIndexingMapsArray()[1];
  for (unsigned dim = 0; dim < maps[operand].getNumResults(); ++dim) {
    unsigned loop = maps[operand].getDimPosition(dim);
    bool isKept = maps[2].isFunctionOfDim(loop);
    if (isKept != result.isFunctionOfDim(loopOf(sum, dim)))
      return false;
  }
  return true;
}

/// Whether the operation can be moved before another one of its block.
static bool canGoBefore(Operation *op, Operation *other) {
  Block *block = other->getBlock();
  if (op->getBlock() != block)
    return false;
  bool isUsedBefore = llvm::any_of(op->getUsers(), [&](Operation *user) {
    Operation *inBlock = block->findAncestorOpInBlock(*user);
    return !inBlock || inBlock == other || inBlock->isBeforeInBlock(other);
  });
  return !isUsedBefore && llvm::all_of(op->getOperands(), [&](Value operand) {
    Operation *maker = operand.getDefiningOp();
    return !maker || maker->isBeforeInBlock(other);
  });
}

BiasGradients lower::findBiasGradients(func::FuncOp function) {
  BiasGradients found;
  auto find = [&](linalg::GenericOp contraction) -> std::optional<BiasGradient> {
    for (unsigned operand : {0, 1})
      for (Operation *user : contraction.getDpsInputs()[operand].getUsers()) {
        auto sum = dyn_cast<linalg::GenericOp>(user);
        if (sum && isSum(sum) && sumsLike(sum, contraction, operand) &&
            canGoBefore(sum, contraction) && found.sums.insert(sum).second)
          return BiasGradient{sum, operand};
      }
    return std::nullopt;
  };
  auto contractions = llvm::filter_to_vector(
      function.getBody().front().getOps<linalg::GenericOp>(),
      [](linalg::GenericOp op) { return matchContraction(op).has_value(); });
  for (linalg::GenericOp op : contractions)
    if (std::optional<BiasGradient> gradient = find(op)) {
      gradient->sum->moveBefore(op); // at once: what can go where depends on it
      found.ofContractions[op] = *gradient;
    }
  return found;
}

bool lower::fitsBiasGradient(BiasGradient gradient, linalg::GenericOp contraction,
                             const LoopStrides &loops, const MatmulForm &form,
                             const Place &target, bool &ofA) {
  auto [sum, operand] = gradient;
  ofA = (operand == 0) != form.swapped;
  if (form.sizes.size() != 3 || !target.element.isF32())
    return false;
  int64_t size = ofA ? form.sizes[0] : form.sizes[1];
  if (size > 1 && (ofA ? form.a[0] : form.b[1]) != 1)
    return false;
  // The elements of the result follow one another as rows or columns of c do.
  AffineMap own = contraction.getIndexingMapsArray()[operand];
  AffineMap result = sum.getIndexingMapsArray()[1];
  int64_t unit = ofA ? form.c[0] : form.c[1];
  for (auto [i, expr] : llvm::enumerate(result.getResults())) {
    unsigned loop = cast<AffineDimExpr>(expr).getPosition();
    for (unsigned dim = 0; dim < own.getNumResults(); ++dim)
      if (loopOf(sum, dim) == loop && target.sizes[i] > 1 &&
          loops.c[own.getDimPosition(dim)] != target.strides[i] * unit)
        return false;
  }
  return true;
}
