//===- OutlineConstants.cpp - Large constants become parameters ------------===//

#include "lib/Transforms/ONNX/Node.h"
#include "lib/Transforms/ONNX/Passes.h"

#include "mlir/IR/SymbolTable.h"

namespace bitpipe {
#define GEN_PASS_DEF_OUTLINECONSTANTS
#include "lib/Transforms/ONNX/Passes.h.inc"
} // namespace bitpipe

using namespace mlir;
using namespace bitpipe;

namespace {

/// What a constant in the function may hold.
constexpr int64_t kInlineBytes = 1024;

struct OutlineConstants
    : bitpipe::impl::OutlineConstantsBase<OutlineConstants> {
  void outline(arith::ConstantOp op, DenseElementsAttr value,
               SymbolTable &symbols) {
    OpBuilder b(&getContext()); // the symbol table inserts the parameter
    auto function = op->getParentOfType<func::FuncOp>();
    auto parameter = pipe::ParameterOp::create(
        b, op.getLoc(), nodeName(op.getLoc()), value.getType(),
        /*trainable=*/false, /*file=*/nullptr, /*offset=*/nullptr, value,
        /*frozen=*/false, /*stored=*/nullptr, /*aliases=*/nullptr);
    symbols.insert(parameter, function->getIterator());
    b.setInsertionPoint(op);
    Value read = pipe::GetParameterOp::create(
        b, op.getLoc(), value.getType(),
        FlatSymbolRefAttr::get(parameter.getSymNameAttr()));
    op.replaceAllUsesWith(read);
    op.erase();
  }

  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    getOperation().walk([&](arith::ConstantOp op) {
      auto value = dyn_cast<DenseElementsAttr>(op.getValue());
      if (value && !value.isSplat() &&
          byteSize(value.getType()) > kInlineBytes)
        outline(op, value, symbols);
    });
  }
};

} // namespace
