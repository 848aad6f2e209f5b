//===- PruneParameters.cpp - Constants that nothing reads ------------------===//

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Transforms/ONNX/Passes.h"

#include "llvm/ADT/DenseSet.h"

namespace bitpipe {
#define GEN_PASS_DEF_PRUNEPARAMETERS
#include "lib/Transforms/ONNX/Passes.h.inc"
} // namespace bitpipe

using namespace mlir;
using namespace bitpipe;

namespace {

struct PruneParameters : bitpipe::impl::PruneParametersBase<PruneParameters> {
  void runOnOperation() override {
    DenseSet<StringAttr> read;
    getOperation().walk([&](pipe::GetParameterOp op) {
      read.insert(op.getParameterAttr().getAttr());
    });
    for (auto op : llvm::make_early_inc_range(
             getOperation().getOps<pipe::ParameterOp>()))
      if (!op.isSaved() && !read.contains(op.getSymNameAttr()))
        op.erase();
  }
};

} // namespace
