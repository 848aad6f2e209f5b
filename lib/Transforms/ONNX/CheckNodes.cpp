//===- CheckNodes.cpp - Is everything the model uses supported? ------------===//

#include "lib/Transforms/ONNX/Operators.h"
#include "lib/Transforms/ONNX/Passes.h"

namespace bitpipe {
#define GEN_PASS_DEF_CHECKNODES
#include "lib/Transforms/ONNX/Passes.h.inc"
} // namespace bitpipe

using namespace mlir;
using namespace bitpipe;

namespace {

constexpr int64_t kOldestOpset = 13, kNewestOpset = 23;

/// What is not supported about the node, empty if nothing.
std::string problemOf(const Node &node) {
  pipe::OnnxNodeOp op = node.getOp();
  StringRef domain = op.getDomain();
  if (!domain.empty() && domain != "ai.onnx")
    return ("operators of domain '" + domain + "'").str();
  if (node.opset() < kOldestOpset || node.opset() > kNewestOpset)
    return "operator set " + std::to_string(node.opset()) + ", expected " +
           std::to_string(kOldestOpset) + " to " + std::to_string(kNewestOpset);
  const Operator *known = findOperator(node.kind());
  if (!known)
    return "this operator";
  if (node.numInputs() < known->minInputs || node.numInputs() > known->maxInputs)
    return std::to_string(node.numInputs()) + " inputs";
  bool takesAny = known->maxInputs == ~0u;
  for (unsigned i = 0, n = takesAny ? node.numInputs() : known->minInputs;
       i < n; ++i)
    if (!node.input(i))
      return "leaving out input " + std::to_string(i);
  if (std::string problem = attributeProblem(node); !problem.empty())
    return problem;
  return known->check ? known->check(node) : "";
}

struct CheckNodes : bitpipe::impl::CheckNodesBase<CheckNodes> {
  void runOnOperation() override {
    unsigned problems = 0;
    getOperation().walk([&](pipe::OnnxNodeOp op) {
      std::string problem = problemOf(op);
      if (problem.empty())
        return;
      ++problems;
      mlir::emitError(op.getLoc())
          << op.getOpType() << " '" << nodeName(op.getLoc())
          << "': not supported: " << problem;
    });
    if (problems)
      signalPassFailure();
  }
};

} // namespace
