//===- ExpandFunctions.cpp - Operators in terms of other nodes -------------===//

#include "lib/Transforms/ONNX/Expansion.h"
#include "lib/Transforms/ONNX/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

namespace bitpipe {
#define GEN_PASS_DEF_EXPANDFUNCTIONS
#include "lib/Transforms/ONNX/Passes.h.inc"
} // namespace bitpipe

using namespace mlir;
using namespace bitpipe;

namespace {

LogicalResult expandNode(pipe::OnnxNodeOp op) {
  const Operator *known = findOperator(op.getOpType());
  if (!known || !known->expand)
    return success();
  for (Type type : op->getOperandTypes())
    if (!isa<RankedTensorType>(type))
      return Node(op).error() << "has an input of unknown type, expected "
                                 "static types (pipe-fold-nodes)";
  OpBuilder b(op);
  return Expansion(b, op.getLoc()).replace(op);
}

struct ExpandFunctions : bitpipe::impl::ExpandFunctionsBase<ExpandFunctions> {
  void runOnOperation() override {
    SmallVector<pipe::OnnxNodeOp> nodes;
    getOperation().walk([&](pipe::OnnxNodeOp op) { nodes.push_back(op); });
    for (pipe::OnnxNodeOp op : nodes)
      if (failed(expandNode(op)))
        return signalPassFailure();
  }
};

} // namespace
