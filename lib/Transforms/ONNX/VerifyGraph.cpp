//===- VerifyGraph.cpp - Is this level 0? ----------------------------------===//

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Transforms/ONNX/Node.h"
#include "lib/Transforms/ONNX/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace bitpipe {
#define GEN_PASS_DEF_VERIFYGRAPH
#include "lib/Transforms/ONNX/Passes.h.inc"
} // namespace bitpipe

using namespace mlir;
using namespace bitpipe;

namespace {

bool isLevel0(Operation &op) {
  return isa<pipe::GetParameterOp, pipe::DropoutKeyOp, pipe::DropoutOp,
             arith::ConstantOp, linalg::GenericOp, linalg::FillOp,
             linalg::TransposeOp, tensor::EmptyOp, tensor::ExpandShapeOp,
             tensor::CollapseShapeOp, tensor::ExtractSliceOp, tensor::ConcatOp,
             pipe::AttentionOp, pipe::SoftmaxOp, pipe::LayerNormOp, pipe::GatherOp,
             pipe::DetachOp, func::ReturnOp>(op);
}

bool hasStaticResults(Operation &op) {
  return llvm::all_of(op.getResultTypes(), [](Type type) {
    auto shaped = dyn_cast<RankedTensorType>(type);
    return type.isIntOrFloat() || (shaped && shaped.hasStaticShape());
  });
}

/// Reports what is wrong with an operation; true if nothing is.
bool check(Operation &op) {
  if (auto node = dyn_cast<pipe::OnnxNodeOp>(op)) {
    mlir::emitError(op.getLoc())
        << node.getOpType() << " '" << nodeName(op.getLoc())
        << "': supported between constants only, but depends on an input or a "
           "parameter";
    return false;
  }
  if (isLevel0(op) && hasStaticResults(op))
    return true;
  mlir::emitError(op.getLoc())
      << op.getName() << ", expected an operation of level 0 on static types";
  return false;
}

struct VerifyGraph : bitpipe::impl::VerifyGraphBase<VerifyGraph> {
  void runOnOperation() override {
    bool valid = true;
    for (Operation &op : getOperation().getBody().front())
      valid &= check(op);
    if (!valid)
      signalPassFailure();
  }
};

} // namespace
