//===- Legalize.cpp - Replacing nodes of one kind --------------------------===//

#include "lib/Transforms/ONNX/Legalize.h"

using namespace mlir;
using namespace bitpipe;

LogicalResult
bitpipe::legalizeNodes(Operation *root,
                       const llvm::StringMap<Lowering> &lowerings) {
  SmallVector<pipe::OnnxNodeOp> nodes;
  root->walk([&](pipe::OnnxNodeOp op) {
    if (lowerings.contains(op.getOpType()))
      nodes.push_back(op);
  });
  for (pipe::OnnxNodeOp op : nodes) {
    for (Type type : op->getOperandTypes())
      if (!isa<RankedTensorType>(type))
        return Node(op).error() << "has an input of unknown type, expected "
                                   "static types (pipe-fold-nodes)";
    OpBuilder b(op);
    Lowered values = lowerings.lookup(op.getOpType())(b, op);
    if (failed(values))
      return failure();
    op->replaceAllUsesWith(*values);
    op.erase();
  }
  return success();
}
