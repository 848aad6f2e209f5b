//===- JointGradient.cpp - A stage and its gradient in one function --------===//

#include "lib/Transforms/Autodiff/JointGradient.h"
#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Transforms/Autodiff/Activity.h"
#include "lib/Transforms/Autodiff/DifferentiableOpInterface.h"
#include "lib/Transforms/Autodiff/ViewRules.h"

#include "mlir/IR/Dominance.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/CSE.h"

using namespace mlir;
using namespace bitpipe;

/// The views between a value and an argument whose sum is started, from the
/// value on; empty if it is no view of one.
static SmallVector<Operation *> viewsOfStarted(Value value, GradientSums &sums) {
  SmallVector<Operation *> views;
  while (Operation *op = value.getDefiningOp()) {
    Value source = rearrangedSource(op);
    if (!source)
      return {};
    views.push_back(op);
    value = source;
  }
  return sums.started(value) ? views : SmallVector<Operation *>();
}

/// Adds a parameter view's gradient to the parameter's sum in place.
static void accumulateThroughViews(OpBuilder &builder, Value view,
                                   ArrayRef<Operation *> views,
                                   GradientSums &sums) {
  Value parameter = rearrangedSource(views.back());
  SmallVector<Value> wholes = {sums.started(parameter)};
  for (Operation *op : llvm::reverse(views))
    wholes.push_back(applyView(builder, op, wholes.back()));
  sums.start(view, wholes.pop_back_val());
  Value sum = sums.finish(builder, view);
  for (Operation *op : views)
    sum = invertView(builder, op, sum, wholes.pop_back_val());
  sums.start(parameter, sum);
}

namespace {

class JointBuilder {
public:
  JointBuilder(StageSignature &stage, JointGradient &joint)
      : stage(stage), joint(joint), function(joint.function.get()),
        block(function.front()), builder(block.getTerminator()),
        arguments(block.args_begin(), block.args_end()) {}

  void build();

private:
  void differentiate(Operation &op, GradientSums &sums);
  void takeJointLosses(MutableArrayRef<Value> results);
  void collectParameterOps(Operation *last);
  ArrayRef<Value> parameters() {
    return ArrayRef(arguments).drop_front(stage.firstParameter());
  }
  void addArguments(ArrayRef<Value> values, ArrayRef<bool> which,
                    function_ref<void(Value, Value)> added);
  void finishArguments(ArrayRef<Value> arguments, ArrayRef<bool> which,
                       GradientSums &sums, SmallVectorImpl<Value> &results);

  StageSignature &stage;
  JointGradient &joint;
  func::FuncOp function;
  Block &block;
  OpBuilder builder;
  SmallVector<Value> arguments; // of forward
  DenseSet<Value> varying; // values that depend on more than parameters
};

} // namespace

/// Adds an argument of the same type for each chosen value.
void JointBuilder::addArguments(ArrayRef<Value> values, ArrayRef<bool> which,
                                function_ref<void(Value, Value)> added) {
  for (auto [value, has] : llvm::zip(values, which))
    if (has)
      added(value, block.addArgument(value.getType(), value.getLoc()));
}

/// Remembers the operations built since `last`.
void JointBuilder::collectParameterOps(Operation *last) {
  for (Operation *op = builder.getInsertionPoint()->getPrevNode(); op != last;
       op = op->getPrevNode())
    joint.forParameters.insert(op);
}

/// Completes the gradients of the operation's results and hands them to its
/// rule.
void JointBuilder::differentiate(Operation &op, GradientSums &sums) {
  Operation *last = builder.getInsertionPoint()->getPrevNode();
  bool ofParameters = llvm::none_of(
      op.getOperands(), [&](Value v) { return varying.contains(v); });
  SmallVector<Value> gradients;
  if (op.getNumResults() == 1 && sums.needs(op.getResult(0)))
    if (auto views = viewsOfStarted(op.getResult(0), sums);
        !views.empty() && sums.isPending(op.getResult(0)))
      return accumulateThroughViews(builder, op.getResult(0), views, sums);
  for (Value result : op.getResults())
    gradients.push_back(sums.needs(result) ? sums.finish(builder, result) : nullptr);
  if (llvm::any_of(gradients, [](Value v) { return bool(v); }))
    cast<DifferentiableOpInterface>(op).buildGradients(builder, gradients, sums);
  if (ofParameters)
    collectParameterOps(last);
}

/// Appends the gradients of the chosen arguments, zero where nothing flows.
void JointBuilder::finishArguments(ArrayRef<Value> arguments,
                                   ArrayRef<bool> which, GradientSums &sums,
                                   SmallVectorImpl<Value> &results) {
  for (auto [argument, has] : llvm::zip(arguments, which)) {
    if (!has)
      continue;
    Value sum = sums.finish(builder, argument);
    results.push_back(
        sum ? sum : zeroTensor(builder, argument.getLoc(), argument.getType()));
  }
}

/// A loss that is computed with its gradient is not computed before it, too.
void JointBuilder::takeJointLosses(MutableArrayRef<Value> results) {
  for (auto grad : llvm::to_vector(block.getOps<pipe::LinearCrossEntropyGradOp>()))
    for (auto op : llvm::to_vector(block.getOps<pipe::LinearCrossEntropyOp>()))
      if (op.getInputs() == grad.getInputs().drop_front()) {
        llvm::replace(results, op.getResult(0), grad.getResult(0));
        op.getResult(0).replaceAllUsesWith(grad.getResult(0));
        op.erase();
      }
}

void JointBuilder::build() {
  GradientSums sums(
      dependents(block, differentiatedArguments(stage, arguments), canHaveGradient));
  ArrayRef<Value> others = ArrayRef(arguments).take_front(stage.firstParameter());
  varying = dependents(block, DenseSet<Value>(others.begin(), others.end()),
                       [](Value) { return true; });
  SmallVector<Operation *> forward;
  for (Operation &op : block.without_terminator())
    forward.push_back(&op);

  Operation *terminator = block.getTerminator();
  SmallVector<Value> results(terminator->getOperands());
  addArguments(results, stage.carriedOut, [&](Value result, Value seed) {
    if (sums.needs(result))
      sums.add(result, seed);
  });
  addArguments(parameters(), stage.trainable,
               [&](Value parameter, Value sum) { sums.start(parameter, sum); });
  for (Operation *op : llvm::reverse(forward))
    differentiate(*op, sums);
  takeJointLosses(results);
  finishArguments(arguments, stage.carriedIn, sums, results);
  finishArguments(parameters(), stage.trainable, sums, results);
  terminator->setOperands(results);
  function.setType(builder.getFunctionType(
      block.getArgumentTypes(), ValueRange(results).getTypes()));
}

JointGradient bitpipe::buildJointGradient(StageSignature &stage) {
  JointGradient joint;
  joint.function = cast<func::FuncOp>(stage.forward->clone());
  joint.forwardArguments = stage.forward.getNumArguments();
  joint.outputGradients = llvm::count(stage.carriedOut, true);
  joint.outputs = stage.carriedOut.size();
  joint.inputGradients = llvm::count(stage.carriedIn, true);
  JointBuilder(stage, joint).build();
  joint.function->walk([](pipe::DetachOp op) {
    op.getResult().replaceAllUsesWith(op.getOperand());
    op.erase();
  });
  IRRewriter rewriter(stage.forward.getContext());
  DominanceInfo dominance(joint.function.get());
  eliminateCommonSubExpressions(rewriter, dominance, joint.function.get());
  return joint;
}
