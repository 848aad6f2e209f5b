//===- FreezeUnreached.cpp - Parameters that get no gradient ---------------===//

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Transforms/Autodiff/Activity.h"
#include "lib/Transforms/Autodiff/Boundary.h"
#include "lib/Transforms/Autodiff/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"

namespace bitpipe {
#define GEN_PASS_DEF_PIPEFREEZEUNREACHED
#include "lib/Transforms/Autodiff/Passes.h.inc"
} // namespace bitpipe

using namespace mlir;
using namespace bitpipe;

namespace {

/// The parameters from which numbers flow to the results.
DenseSet<StringAttr> reachedParameters(func::FuncOp forward) {
  Block &block = forward.front();
  DenseSet<Value> useful;
  DenseSet<StringAttr> reached;
  auto mark = [&](Value value) {
    if (canHaveGradient(value))
      useful.insert(value);
  };
  llvm::for_each(block.getTerminator()->getOperands(), mark);
  for (Operation &op : llvm::reverse(block.without_terminator())) {
    if (llvm::none_of(op.getResults(), [&](Value v) { return useful.contains(v); }))
      continue;
    llvm::for_each(valuesUsedBy(&op), mark);
    if (auto get = dyn_cast<pipe::GetParameterOp>(op))
      reached.insert(get.getParameterAttr().getAttr());
  }
  return reached;
}

struct FreezeUnreached
    : bitpipe::impl::PipeFreezeUnreachedBase<FreezeUnreached> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    DenseSet<StringAttr> reached;
    for (auto model : module.getOps<pipe::ModelOp>())
      if (auto forward = module.lookupSymbol<func::FuncOp>(model.getForward()))
        reached = reachedParameters(forward);
    std::vector<StringRef> without;
    for (auto parameter : module.getOps<pipe::ParameterOp>())
      if (parameter.getTrainable() &&
          !reached.contains(parameter.getSymNameAttr())) {
        parameter.setTrainable(false);
        parameter.setFrozen(true);
        without.push_back(parameter.getSymName());
      }
    if (without.empty())
      return;
    InFlightDiagnostic remark = mlir::emitRemark(module.getLoc());
    remark << "no gradient reaches " << without.size() << " of the parameters, "
           << "which are saved as they are: ";
    constexpr size_t most = 8;
    llvm::interleaveComma(ArrayRef(without).take_front(most), remark,
                          [&](StringRef name) { remark << "'" << name << "'"; });
    if (without.size() > most)
      remark << " and " << without.size() - most << " more";
  }
};

} // namespace
