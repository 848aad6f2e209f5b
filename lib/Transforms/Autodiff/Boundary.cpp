//===- Boundary.cpp - What passes from one function to the next ------------===//

#include "lib/Transforms/Autodiff/Boundary.h"
#include "lib/Transforms/Autodiff/ViewRules.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace bitpipe;

SetVector<Value> bitpipe::valuesUsedBy(Operation *op) {
  SetVector<Value> used(op->operand_begin(), op->operand_end());
  getUsedValuesDefinedAbove(op->getRegions(), used);
  return used;
}

/// Operations that are done again rather than their results kept: views,
/// destinations, constants, and broadcasts.
static bool isRebuilt(Operation *op) {
  if (rearrangedSource(op) || op->hasTrait<OpTrait::ConstantLike>() ||
      isa<tensor::EmptyOp, linalg::FillOp>(op))
    return true;
  auto generic = dyn_cast<linalg::GenericOp>(op);
  return generic && generic.getNumReductionLoops() == 0 &&
         llvm::hasSingleElement(*generic.getBody());
}

static int64_t countBits(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type ? type.getNumElements() * type.getElementTypeBitWidth() : 0;
}


/// The values from which `value` is rebuilt; itself if it is not.
void Boundary::findRoots(Value value, SetVector<Value> &roots) {
  Operation *op = value.getDefiningOp();
  if (!op || isGiven(value) || !isRebuilt(op)) {
    roots.insert(value);
    return;
  }
  for (Value used : valuesUsedBy(op))
    findRoots(used, roots);
}

/// Views of one root wait until it is known whether the root passes anyway.
void Boundary::chooseView(Value view, ArrayRef<Value> roots) {
  SmallVector<Value> missing;
  for (Value root : roots) {
    if (isGiven(root) || chosen.contains(root))
      chosen.insert(root);
    else
      missing.push_back(root);
  }
  if (missing.size() == 1)
    viewsOf[missing.front()].push_back(view);
  else
    chosen.insert(missing.begin(), missing.end());
}

SetVector<Value> Boundary::choose(ArrayRef<Value> needed) {
  SmallVector<std::pair<Value, SetVector<Value>>> views;
  for (Value value : needed) {
    SetVector<Value> roots;
    findRoots(value, roots);
    if (roots.contains(value))
      chosen.insert(value);
    else
      views.push_back({value, roots});
  }
  for (auto &[view, roots] : views)
    chooseView(view, roots.getArrayRef());
  for (auto &[root, itsViews] : viewsOf) {
    int64_t bits = 0;
    for (Value view : itsViews)
      bits += countBits(view);
    // To pass views on they are copied, which must be worth it.
    if (2 * bits < countBits(root))
      chosen.insert(itsViews.begin(), itsViews.end());
    else
      chosen.insert(root);
  }
  return std::move(chosen);
}
