//===- AttentionRule.cpp - The gradient rule of attention ------------------===//
//
// One operation computes the gradients of q, k, v and, where it is wanted, of the
// bias, from what forward computed: the result and the logarithm of each row's sum.
//
//===----------------------------------------------------------------------===//

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Transforms/Autodiff/DifferentiableOpInterface.h"

using namespace mlir;
using namespace bitpipe;

namespace {

struct AttentionRule
    : DifferentiableOpInterface::ExternalModel<AttentionRule, pipe::AttentionOp> {
  std::string describeGap(Operation *o) const {
    auto op = cast<pipe::AttentionOp>(o);
    if (!op.hasPureTensorSemantics())
      return "pipe.attention on buffers";
    return op->getResult(1).use_empty() ? "" : "the log-sum-exp of an attention as a value";
  }

  void buildGradients(Operation *o, OpBuilder &builder, ArrayRef<Value> gradients,
                      GradientSums &sums) const {
    auto op = cast<pipe::AttentionOp>(o);
    Location loc = op.getLoc();
    Value q = op.getQuery(), k = op.getKeys(), v = op.getValues(), bias = op.getBias();
    SmallVector<Value> inputs{gradients[0], q, k, v, op.getResult(0), op.getResult(1)};
    SmallVector<Value> wanted{q, k, v}, inits;
    for (Value operand : wanted)
      inits.push_back(emptyTensor(builder, loc, operand.getType()));
    if (bias) {
      inputs.push_back(bias);
      if (sums.needs(bias)) {
        wanted.push_back(bias);
        inits.push_back(zeroTensor(builder, loc, bias.getType())); // it adds to it
      }
    }
    if (Value key = op.getDropoutKey())
      inputs.push_back(key);
    auto grad = pipe::AttentionGradOp::create(
        builder, loc, ValueRange(inits).getTypes(), inputs, inits, op.getScaleAttr(),
        op.getLeftAttr(), op.getRightAttr(), op.getSoftcapAttr(), op.getBiasedAttr(),
        op.getDropoutAttr());
    for (auto [operand, gradient] : llvm::zip(wanted, grad.getResults()))
      if (sums.needs(operand))
        sums.add(operand, gradient);
  }
};

} // namespace

void bitpipe::attachAttentionRule(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, pipe::PipeDialect *) {
    pipe::AttentionOp::attachInterface<AttentionRule>(*context);
  });
}
