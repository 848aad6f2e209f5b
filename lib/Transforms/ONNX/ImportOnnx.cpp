//===- ImportOnnx.cpp - Importing as a pass --------------------------------===//

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Transforms/ONNX/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

namespace bitpipe {
#define GEN_PASS_DEF_IMPORTONNX
#include "lib/Transforms/ONNX/Passes.h.inc"
} // namespace bitpipe

using namespace mlir;
using namespace bitpipe;

namespace {

struct ImportOnnx : bitpipe::impl::ImportOnnxBase<ImportOnnx> {
  using ImportOnnxBase::ImportOnnxBase;

  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<arith::ArithDialect, func::FuncDialect, pipe::PipeDialect>();
  }

  LogicalResult readOptions(ImportOptions &options) {
    options.train = train;
    options.freeze = freeze;
    for (const std::string &dim : dims) {
      auto [name, size] = StringRef(dim).split(':');
      if (size.getAsInteger(10, options.dims[name]))
        return mlir::emitError(getOperation().getLoc())
               << "dimension '" << dim << "', expected NAME:K";
    }
    return success();
  }

  void runOnOperation() override {
    ImportOptions options;
    if (failed(readOptions(options)))
      return signalPassFailure();
    OwningOpRef<ModuleOp> imported =
        importONNX(path, options, &getContext(), llvm::errs());
    if (!imported)
      return signalPassFailure();
    getOperation().getBody()->getOperations().splice(
        getOperation().getBody()->end(),
        imported->getBody()->getOperations());
  }
};

} // namespace
