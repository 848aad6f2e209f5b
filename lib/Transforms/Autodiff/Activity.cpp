//===- Activity.cpp - Where gradients flow ---------------------------------===//

#include "lib/Transforms/Autodiff/Activity.h"
#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Transforms/Autodiff/Boundary.h"
#include "lib/Transforms/Autodiff/DifferentiableOpInterface.h"

using namespace mlir;
using namespace bitpipe;

bool bitpipe::canHaveGradient(Value value) {
  return isa<FloatType>(getElementTypeOrSelf(value.getType())) &&
         !value.getDefiningOp<pipe::DetachOp>();
}

DenseSet<Value> bitpipe::dependents(Block &block, DenseSet<Value> roots,
                                    function_ref<bool(Value)> isKind) {
  auto depends = [&](Value v) { return roots.contains(v); };
  for (Operation &op : block)
    if (llvm::any_of(valuesUsedBy(&op), depends))
      for (Value result : llvm::make_filter_range(op.getResults(), isKind))
        roots.insert(result);
  return roots;
}

DenseSet<Value> bitpipe::differentiatedArguments(StageSignature &stage,
                                                 ValueRange arguments) {
  DenseSet<Value> roots;
  for (auto [argument, has] : llvm::zip(arguments, stage.carriedIn))
    if (has)
      roots.insert(argument);
  for (auto [argument, has] : llvm::zip(
           arguments.drop_front(stage.firstParameter()), stage.trainable))
    if (has)
      roots.insert(argument);
  return roots;
}

/// The operations through which a gradient flows, in order.
static SmallVector<Operation *> findActive(StageSignature &stage) {
  Block &block = stage.forward.front();
  DenseSet<Value> active = dependents(
      block, differentiatedArguments(stage, stage.forward.getArguments()),
      canHaveGradient);
  DenseSet<Value> useful;
  for (auto [result, has] :
       llvm::zip(block.getTerminator()->getOperands(), stage.carriedOut))
    if (has)
      useful.insert(result);
  SmallVector<Operation *> found;
  for (Operation &op : llvm::reverse(block.without_terminator())) {
    auto isUseful = [&](Value v) { return useful.contains(v); };
    auto isActive = [&](Value v) { return active.contains(v); };
    if (isa<pipe::DetachOp>(op) || llvm::none_of(op.getResults(), isUseful))
      continue;
    SetVector<Value> used = valuesUsedBy(&op);
    useful.insert(used.begin(), used.end());
    if (llvm::any_of(used, isActive))
      found.push_back(&op);
  }
  return SmallVector<Operation *>(llvm::reverse(found));
}

/// The name of the model's part that an operation comes from.
static std::string partName(Location loc) {
  std::string name;
  loc->walk([&](Location inner) {
    if (auto named = dyn_cast<NameLoc>(inner))
      name = named.getName().str();
    return name.empty() ? WalkResult::advance() : WalkResult::interrupt();
  });
  return name.empty() ? name : " in '" + name + "'";
}

/// What of an operation has no gradient rule; empty if it has one.
static std::string describeGap(Operation *op) {
  auto rule = dyn_cast<DifferentiableOpInterface>(op);
  if (!rule)
    return op->getName().getStringRef().str();
  auto isDynamic = [](Type type) {
    auto shaped = dyn_cast<ShapedType>(type);
    return shaped && !shaped.hasStaticShape();
  };
  if (llvm::any_of(op->getOperandTypes(), isDynamic) ||
      llvm::any_of(op->getResultTypes(), isDynamic))
    return op->getName().getStringRef().str() + " of dynamic shape";
  return rule.describeGap();
}

LogicalResult bitpipe::checkRules(StageSignature &stage) {
  LogicalResult result = success();
  for (Operation *op : findActive(stage)) {
    std::string gap = describeGap(op);
    if (!gap.empty())
      result = emitError(op->getLoc())
               << "no gradient rule for " << gap << partName(op->getLoc())
               << ", expected operations that have one between the "
                  "parameters and the loss";
  }
  return result;
}
