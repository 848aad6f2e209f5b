//===- ComputeRules.cpp - Gradient rules of the compute operations ---------===//
//
// Each of them has an operation for its gradient, which uses what forward
// computed anyway: probabilities, mean and deviation, log-sum-exp.
//
//===----------------------------------------------------------------------===//

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Transforms/Autodiff/DifferentiableOpInterface.h"

using namespace mlir;
using namespace bitpipe;

/// Creates an operation in destination style.
template <typename Op>
static Op build(OpBuilder &builder, Location loc, ValueRange inputs,
                ValueRange inits) {
  OperationState state(loc, Op::getOperationName());
  state.addTypes(inits.getTypes());
  state.addOperands(inputs);
  state.addOperands(inits);
  state.getOrAddProperties<typename Op::Properties>().operandSegmentSizes = {
      int32_t(inputs.size()), int32_t(inits.size())};
  return cast<Op>(builder.create(state));
}

namespace {

template <typename Rule, typename Op>
struct ComputeRule : DifferentiableOpInterface::ExternalModel<Rule, Op> {
  std::string describeGap(Operation *op) const {
    bool onTensors = cast<Op>(op).hasPureTensorSemantics();
    return onTensors ? "" : op->getName().getStringRef().str() + " on buffers";
  }
};

struct SoftmaxRule : ComputeRule<SoftmaxRule, pipe::SoftmaxOp> {
  void buildGradients(Operation *o, OpBuilder &builder,
                      ArrayRef<Value> gradients, GradientSums &sums) const {
    auto op = cast<pipe::SoftmaxOp>(o);
    Value x = op.getInputs()[0], y = op.getResult(0);
    Value empty = emptyTensor(builder, op.getLoc(), x.getType());
    auto grad = build<pipe::SoftmaxGradOp>(builder, op.getLoc(),
                                           {gradients[0], y}, empty);
    grad.setScaleAttr(op.getScaleAttr());
    sums.add(x, grad.getResult(0));
  }
};

struct LayerNormRule : ComputeRule<LayerNormRule, pipe::LayerNormOp> {
  std::string describeGap(Operation *op) const {
    if (!op->getResult(1).use_empty() || !op->getResult(2).use_empty())
      return "the mean or the deviation of a layer normalisation as a value";
    return ComputeRule::describeGap(op);
  }
  void buildGradients(Operation *o, OpBuilder &builder,
                      ArrayRef<Value> gradients, GradientSums &sums) const {
    auto op = cast<pipe::LayerNormOp>(o);
    Location loc = op.getLoc();
    Value dy = gradients[0], x = op.getInputs()[0], weight = op.getInputs()[1],
          mean = op.getResult(1), rstd = op.getResult(2);
    if (sums.needs(x)) {
      Value empty = emptyTensor(builder, loc, x.getType());
      auto grad = build<pipe::LayerNormGradInputOp>(
          builder, loc, {dy, x, weight, mean, rstd}, empty);
      sums.add(x, grad.getResult(0));
    }
    addParameters(op, builder, dy, sums);
  }

  /// One operation adds to both sums. Where they cannot be added to in place,
  /// it makes tensors of their own.
  static void addParameters(pipe::LayerNormOp op, OpBuilder &builder, Value dy,
                            GradientSums &sums) {
    Value parameters[] = {op.getInputs()[1], op.getInputs()[2]};
    if (!sums.needs(parameters[0]) && !sums.needs(parameters[1]))
      return;
    bool distinct = parameters[0] != parameters[1];
    SmallVector<Value> inits;
    for (Value parameter : parameters) {
      Value sum = distinct ? sums.started(parameter) : nullptr;
      if (!sum)
        sum = zeroTensor(builder, op.getLoc(), parameter.getType());
      inits.push_back(sum);
    }
    auto grad = build<pipe::LayerNormGradParamsOp>(
        builder, op.getLoc(),
        {dy, op.getInputs()[0], op.getResult(1), op.getResult(2)}, inits);
    for (auto [parameter, sum] : llvm::zip(parameters, grad.getResults())) {
      if (distinct && sums.started(parameter))
        sums.start(parameter, sum);
      else if (sums.needs(parameter))
        sums.add(parameter, sum);
    }
  }
};

struct GatherRule : ComputeRule<GatherRule, pipe::GatherOp> {
  void buildGradients(Operation *o, OpBuilder &builder,
                      ArrayRef<Value> gradients, GradientSums &sums) const {
    auto op = cast<pipe::GatherOp>(o);
    Value dy = gradients[0], ids = op.getInputs()[1];
    sums.accumulate(op.getInputs()[0],
                    [loc = op.getLoc(), dy, ids](OpBuilder &b, Value into) {
                      return build<pipe::GatherGradOp>(b, loc, {dy, ids}, into)
                          .getResult(0);
                    });
  }
};

/// The mask is drawn again from the same key.
struct DropoutRule : ComputeRule<DropoutRule, pipe::DropoutOp> {
  void buildGradients(Operation *o, OpBuilder &builder,
                      ArrayRef<Value> gradients, GradientSums &sums) const {
    auto op = cast<pipe::DropoutOp>(o);
    Value x = op.getInputs()[0], key = op.getInputs()[1];
    Value empty = emptyTensor(builder, op.getLoc(), x.getType());
    auto grad = build<pipe::DropoutOp>(builder, op.getLoc(),
                                       {gradients[0], key}, empty);
    grad.setRatioAttr(op.getRatioAttr());
    sums.add(x, grad.getResult(0));
  }
};

struct CrossEntropyRule : ComputeRule<CrossEntropyRule, pipe::CrossEntropyOp> {
  std::string describeGap(Operation *op) const {
    if (!op->getResult(1).use_empty())
      return "the log-sum-exp of a cross-entropy as a value";
    return ComputeRule::describeGap(op);
  }
  void buildGradients(Operation *o, OpBuilder &builder,
                      ArrayRef<Value> gradients, GradientSums &sums) const {
    auto op = cast<pipe::CrossEntropyOp>(o);
    Value logits = op.getInputs()[0];
    Value empty = emptyTensor(builder, op.getLoc(), logits.getType());
    auto grad = build<pipe::CrossEntropyGradOp>(
        builder, op.getLoc(),
        {gradients[0], logits, op.getInputs()[1], op.getResult(1)}, empty);
    grad.setIgnoreIndexAttr(op.getIgnoreIndexAttr());
    sums.add(logits, grad.getResult(0));
  }
};

/// One operation computes the value and all gradients. Those of the parameters
/// are added to their sums in place where these have been started.
struct LinearCrossEntropyRule
    : ComputeRule<LinearCrossEntropyRule, pipe::LinearCrossEntropyOp> {
  void buildGradients(Operation *o, OpBuilder &builder,
                      ArrayRef<Value> gradients, GradientSums &sums) const {
    auto op = cast<pipe::LinearCrossEntropyOp>(o);
    Location loc = op.getLoc();
    Value x = op.getInputs()[0];
    SmallVector<Value> parameters = {op.getInputs()[1]};
    llvm::append_range(parameters, op.getInputs().drop_front(3));
    SmallVector<Value> inputs = {gradients[0]};
    llvm::append_range(inputs, op.getInputs());
    SmallVector<Value> inits = {emptyTensor(builder, loc, op.getResult(0).getType()),
                                emptyTensor(builder, loc, x.getType())};
    for (Value parameter : parameters) {
      Value sum = sums.started(parameter);
      inits.push_back(sum ? sum : zeroTensor(builder, loc, parameter.getType()));
    }
    auto grad = build<pipe::LinearCrossEntropyGradOp>(builder, loc, inputs, inits);
    grad.setTransposed(op.getTransposed());
    grad.setIgnoreIndexAttr(op.getIgnoreIndexAttr());
    if (sums.needs(x))
      sums.add(x, grad.getResult(1));
    for (auto [parameter, sum] : llvm::zip(parameters, grad.getResults().drop_front(2))) {
      if (sums.started(parameter))
        sums.start(parameter, sum);
      else if (sums.needs(parameter))
        sums.add(parameter, sum);
    }
  }
};

} // namespace

void bitpipe::attachComputeRules(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, pipe::PipeDialect *) {
    pipe::SoftmaxOp::attachInterface<SoftmaxRule>(*context);
    pipe::LayerNormOp::attachInterface<LayerNormRule>(*context);
    pipe::GatherOp::attachInterface<GatherRule>(*context);
    pipe::DropoutOp::attachInterface<DropoutRule>(*context);
    pipe::CrossEntropyOp::attachInterface<CrossEntropyRule>(*context);
    pipe::LinearCrossEntropyOp::attachInterface<LinearCrossEntropyRule>(*context);
  });
}
