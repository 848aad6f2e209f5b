//===- SplitGradient.cpp - Forward, input gradient, weight gradient --------===//
//
// What depends on a gradient is backward. Of that, the weight gradient is what
// depends on the sums so far or computes something for parameters alone; the
// rest is the input gradient. Once it is decided which values pass from one
// function to the next, each function is the operations its results need.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Autodiff/SplitGradient.h"
#include "lib/Transforms/Autodiff/ViewRules.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace bitpipe;

/// Operands, and what the regions use from outside.
static SetVector<Value> usedValues(Operation *op) {
  SetVector<Value> used(op->operand_begin(), op->operand_end());
  getUsedValuesDefinedAbove(op->getRegions(), used);
  return used;
}

//===----------------------------------------------------------------------===//
// What passes from one function to the next
//===----------------------------------------------------------------------===//

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

namespace {

/// Chooses the values to pass on so that all needed ones can be rebuilt.
class Boundary {
public:
  /// `isGiven` says which values are there anyway.
  explicit Boundary(function_ref<bool(Value)> isGiven) : isGiven(isGiven) {}

  SetVector<Value> choose(ArrayRef<Value> needed);

private:
  void findRoots(Value value, SetVector<Value> &roots);
  void chooseView(Value view, ArrayRef<Value> roots);

  function_ref<bool(Value)> isGiven;
  SetVector<Value> chosen;
  llvm::MapVector<Value, SmallVector<Value>> viewsOf; // of roots not chosen yet
};

} // namespace

/// The values from which `value` is rebuilt; itself if it is not.
void Boundary::findRoots(Value value, SetVector<Value> &roots) {
  Operation *op = value.getDefiningOp();
  if (!op || isGiven(value) || !isRebuilt(op)) {
    roots.insert(value);
    return;
  }
  for (Value used : usedValues(op))
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
    if (bits < countBits(root))
      chosen.insert(itsViews.begin(), itsViews.end());
    else
      chosen.insert(root);
  }
  return std::move(chosen);
}

//===----------------------------------------------------------------------===//
// The three functions
//===----------------------------------------------------------------------===//

namespace {

class Splitter {
public:
  Splitter(StageSignature &stage, JointGradient &joint)
      : stage(stage), joint(joint), block(joint.function.get().front()) {
    classify();
  }

  StageGradient split();

private:
  enum class Phase { Forward, InputGradient, WeightGradient };

  Phase phaseOf(Value value);
  void classify();
  SmallVector<Value> neededOf(Phase user, function_ref<bool(Phase)> from);
  func::FuncOp extract(const Twine &suffix, ValueRange arguments,
                       ValueRange results);
  ValueRange parameters() {
    return joint.arguments().slice(stage.firstParameter(), stage.trainable.size());
  }

  StageSignature &stage;
  JointGradient &joint;
  Block &block;
  DenseMap<Operation *, Phase> phases;
};

} // namespace

Splitter::Phase Splitter::phaseOf(Value value) {
  if (Operation *op = value.getDefiningOp())
    return phases.lookup(op);
  unsigned number = cast<BlockArgument>(value).getArgNumber();
  if (number < joint.forwardArguments)
    return Phase::Forward;
  return number < joint.forwardArguments + joint.outputGradients
             ? Phase::InputGradient
             : Phase::WeightGradient;
}

/// An operation belongs to the last phase it depends on.
void Splitter::classify() {
  for (Operation &op : block.without_terminator()) {
    Phase phase = Phase::Forward;
    for (Value used : usedValues(&op))
      phase = std::max(phase, phaseOf(used));
    if (phase != Phase::Forward && joint.forParameters.contains(&op))
      phase = Phase::WeightGradient;
    phases[&op] = phase;
  }
}

/// Values of other phases that a phase uses.
SmallVector<Value> Splitter::neededOf(Phase user, function_ref<bool(Phase)> from) {
  SetVector<Value> needed;
  for (Operation &op : block.without_terminator())
    if (phases.lookup(&op) == user)
      for (Value used : usedValues(&op))
        if (from(phaseOf(used)))
          needed.insert(used);
  return needed.takeVector();
}

/// A function of the operations that the results need, starting from the
/// arguments.
func::FuncOp Splitter::extract(const Twine &suffix, ValueRange arguments,
                               ValueRange results) {
  OpBuilder builder(stage.forward.getContext());
  auto type = builder.getFunctionType(arguments.getTypes(),
                                      results.getTypes());
  auto function = func::FuncOp::create(
      builder, stage.forward.getLoc(), (stage.forward.getName() + suffix).str(), type);
  function.setVisibility(stage.forward.getVisibility());
  Block *entry = function.addEntryBlock();
  builder.setInsertionPointToEnd(entry);
  IRMapping mapping;
  for (auto [from, to] : llvm::zip(arguments, entry->getArguments()))
    mapping.map(from, to);
  DenseSet<Operation *> needed;
  auto need = [&](Value value) {
    if (Operation *op = value.getDefiningOp(); op && !mapping.contains(value))
      needed.insert(op);
  };
  llvm::for_each(results, need);
  for (Operation &op : llvm::reverse(block.without_terminator()))
    if (needed.contains(&op))
      llvm::for_each(usedValues(&op), need);
  for (Operation &op : block.without_terminator())
    if (needed.contains(&op))
      builder.clone(op, mapping);
  SmallVector<Value> returned;
  for (Value result : results)
    returned.push_back(mapping.lookup(result));
  func::ReturnOp::create(builder, function.getLoc(), returned);
  return function;
}

static SmallVector<Value> concat(ValueRange a, ValueRange b, ValueRange c = {}) {
  SmallVector<Value> all(a);
  llvm::append_range(all, b);
  llvm::append_range(all, c);
  return all;
}

StageGradient Splitter::split() {
  auto isForward = [](Phase phase) { return phase == Phase::Forward; };
  auto isEarlier = [](Phase phase) { return phase != Phase::WeightGradient; };
  SmallVector<Value> neededOfForward = concat(
      neededOf(Phase::InputGradient, isForward), neededOf(Phase::WeightGradient, isForward));
  auto isParameter = [&](Value v) { return llvm::is_contained(parameters(), v); };
  SetVector<Value> saved = Boundary(isParameter).choose(neededOfForward);
  saved.remove_if(isParameter);
  auto isAvailable = [&](Value v) { return saved.contains(v) || isParameter(v); };
  SetVector<Value> kept =
      Boundary(isAvailable).choose(neededOf(Phase::WeightGradient, isEarlier));

  ValueRange arguments = joint.arguments(), results = joint.results();
  ValueRange forwardArguments = arguments.take_front(joint.forwardArguments);
  ValueRange gradients = arguments.drop_front(joint.forwardArguments);
  ValueRange backward = results.drop_front(joint.outputs);
  StageGradient split;
  split.forward =
      extract("", forwardArguments,
              concat(results.take_front(joint.outputs), saved.getArrayRef()));
  split.inputGradient = extract(
      "_input_gradient",
      concat(gradients.take_front(joint.outputGradients), saved.getArrayRef(), parameters()),
      concat(backward.take_front(joint.inputGradients), kept.getArrayRef()));
  split.weightGradient =
      extract("_weight_gradient",
              concat(kept.getArrayRef(), gradients.drop_front(joint.outputGradients)),
              backward.drop_front(joint.inputGradients));
  return split;
}

StageGradient bitpipe::splitGradient(StageSignature &stage, JointGradient &joint) {
  return Splitter(stage, joint).split();
}
