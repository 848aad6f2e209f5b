//===- SplitGradient.cpp - Forward, input gradient, weight gradient --------===//
//
// What depends on a gradient is backward. Of that, the weight gradient is what
// depends on the sums so far or computes something for parameters alone; the
// rest is the input gradient. Once it is decided which values pass from one
// function to the next, each function is the operations its results need.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Autodiff/SplitGradient.h"
#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Transforms/Autodiff/Boundary.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace bitpipe;

namespace {

class Splitter {
public:
  Splitter(StageSignature &stage, JointGradient &joint)
      : stage(stage), joint(joint), block(joint.function.get().front()) {
    findJoint();
    classify();
  }

  StageGradient split();

private:
  enum class Phase { Forward, InputGradient, WeightGradient };

  Phase phaseOf(Value value);
  void classify();
  void findJoint();
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
  /// What computes the loss together with its gradients, if anything does.
  pipe::LinearCrossEntropyGradOp loss;
  /// Numbers of the parameters whose sums it adds to in place, the sums before
  /// and after it.
  SmallVector<int64_t> jointParameters;
  SmallVector<Value> sumsBefore, sumsAfter;
};

} // namespace

void Splitter::findJoint() {
  for (auto op : block.getOps<pipe::LinearCrossEntropyGradOp>())
    loss = op;
  if (!loss)
    return;
  unsigned next = joint.forwardArguments + joint.outputGradients;
  for (auto [number, has] : llvm::enumerate(stage.trainable)) {
    if (!has)
      continue;
    Value sum = joint.arguments()[next++];
    for (auto [init, result] : llvm::zip(loss.getInits(), loss.getResults()))
      if (init == sum) {
        jointParameters.push_back(number);
        sumsBefore.push_back(sum);
        sumsAfter.push_back(result);
      }
  }
}

/// What is added to a sum behind the loss is as late as what is added to the sum
/// before this micro-batch.
Splitter::Phase Splitter::phaseOf(Value value) {
  if (llvm::is_contained(sumsAfter, value))
    return Phase::WeightGradient;
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
    for (Value used : valuesUsedBy(&op))
      phase = std::max(phase, phaseOf(used));
    if (phase != Phase::Forward && joint.forParameters.contains(&op))
      phase = Phase::WeightGradient;
    if (&op == loss)
      phase = Phase::InputGradient;
    phases[&op] = phase;
  }
}

/// Values of other phases that a phase uses.
SmallVector<Value> Splitter::neededOf(Phase user, function_ref<bool(Phase)> from) {
  SetVector<Value> needed;
  for (Operation &op : block.without_terminator())
    if (phases.lookup(&op) == user)
      for (Value used : valuesUsedBy(&op))
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
      llvm::for_each(valuesUsedBy(&op), need);
  for (Operation &op : block.without_terminator())
    if (needed.contains(&op))
      builder.clone(op, mapping);
  SmallVector<Value> returned;
  for (Value result : results)
    returned.push_back(mapping.lookup(result));
  func::ReturnOp::create(builder, function.getLoc(), returned);
  return function;
}

static SmallVector<Value> concat(std::initializer_list<ValueRange> parts) {
  SmallVector<Value> all;
  for (ValueRange part : parts)
    llvm::append_range(all, part);
  return all;
}

StageGradient Splitter::split() {
  auto isForward = [](Phase phase) { return phase == Phase::Forward; };
  auto isEarlier = [](Phase phase) { return phase != Phase::WeightGradient; };
  SmallVector<Value> neededOfForward =
      concat({neededOf(Phase::InputGradient, isForward),
              neededOf(Phase::WeightGradient, isForward)});
  auto isParameter = [&](Value v) {
    auto argument = dyn_cast<BlockArgument>(v);
    return argument && argument.getArgNumber() >= stage.firstParameter() &&
           argument.getArgNumber() < joint.forwardArguments;
  };
  SetVector<Value> saved = Boundary(isParameter).choose(neededOfForward);
  saved.remove_if(isParameter);
  auto isAvailable = [&](Value v) { return saved.contains(v) || isParameter(v); };
  SetVector<Value> kept =
      Boundary(isAvailable).choose(neededOf(Phase::WeightGradient, isEarlier));

  ValueRange arguments = joint.arguments(), results = joint.results();
  ValueRange forwardArguments = arguments.take_front(joint.forwardArguments);
  ValueRange gradients = arguments.drop_front(joint.forwardArguments);
  ValueRange outputs = results.take_front(joint.outputs);
  ValueRange backward = results.drop_front(joint.outputs);
  SmallVector<Value> sums(gradients.drop_front(joint.outputGradients));
  for (auto [before, after] : llvm::zip(sumsBefore, sumsAfter))
    llvm::replace(sums, before, after);
  StageGradient split;
  split.forward = extract("", forwardArguments,
                          concat({loss ? ValueRange() : outputs, saved.getArrayRef()}));
  split.inputGradient =
      extract("_input_gradient",
              concat({gradients.take_front(joint.outputGradients), saved.getArrayRef(),
                      parameters(), sumsBefore}),
              concat({backward.take_front(joint.inputGradients),
                      loss ? outputs : ValueRange(), sumsAfter, kept.getArrayRef()}));
  split.weightGradient =
      extract("_weight_gradient", concat({kept.getArrayRef(), sums}),
              backward.drop_front(joint.inputGradients));
  if (loss)
    split.joint = jointParameters;
  return split;
}

StageGradient bitpipe::splitGradient(StageSignature &stage, JointGradient &joint) {
  return Splitter(stage, joint).split();
}
