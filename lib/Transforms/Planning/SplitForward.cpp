//===- SplitForward.cpp - Stages that recompute ----------------------------===//
//
// Which stages recompute is the plan's to say, so their functions are made behind it, from
// the forward functions as they are: whatever was differentiated, fused or given another
// type, both parts do the same operations on the same values as before.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Planning/Passes.h"
#include "lib/Transforms/Planning/Translate.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include <map>

namespace bitpipe {
#define GEN_PASS_DEF_SPLITFORWARDPASS
#include "lib/Transforms/Planning/Passes.h.inc"
} // namespace bitpipe

using namespace mlir;
using namespace bitpipe;

/// Keeps some of the results, and the operations that they need.
static void keepResults(func::FuncOp function, unsigned first, unsigned count) {
  Block &block = function.getBody().front();
  Operation *terminator = block.getTerminator();
  SmallVector<Value> kept(terminator->getOperands().slice(first, count));
  terminator->setOperands(kept);
  function.setType(FunctionType::get(function.getContext(), function.getArgumentTypes(),
                                     ValueRange(kept).getTypes()));
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (isOpTriviallyDead(&op))
      op.erase();
}

namespace {

/// The two parts of a forward function.
struct Parts {
  FlatSymbolRefAttr forward, recompute;
};

class SplitForward : public bitpipe::impl::SplitForwardPassBase<SplitForward> {
public:
  void runOnOperation() override {
    auto plans = llvm::to_vector(getOperation().getOps<pipe::PlanOp>());
    auto stages = llvm::to_vector(getOperation().getOps<pipe::StageOp>());
    if (plans.size() > 1) {
      emitError(plans.back().getLoc()) << "module has " << plans.size()
                                       << " plans, expected at most 1";
      return signalPassFailure();
    }
    if (plans.empty() || stages.empty())
      return;
    int64_t last = 0;
    for (pipe::StageOp stage : stages)
      last = std::max<int64_t>(last, stage.getIndex());
    std::vector<bool> recomputed = recomputedStages(plans.front(), int(last + 1));
    SymbolTable symbols(getOperation());
    for (pipe::StageOp stage : stages)
      if (recomputed[stage.getIndex()] && failed(split(stage, symbols)))
        return signalPassFailure();
    eraseUnused(symbols);
  }

private:
  LogicalResult split(pipe::StageOp stage, SymbolTable &symbols);
  func::FuncOp part(func::FuncOp forward, StringRef suffix, unsigned first, unsigned count,
                    SymbolTable &symbols);
  void eraseUnused(SymbolTable &symbols);

  std::map<Operation *, Parts> known; // by forward function
};

} // namespace

func::FuncOp SplitForward::part(func::FuncOp forward, StringRef suffix, unsigned first,
                                unsigned count, SymbolTable &symbols) {
  func::FuncOp function = forward.clone();
  function.setName((forward.getName() + suffix).str());
  keepResults(function, first, count);
  symbols.insert(function, std::next(forward->getIterator()));
  return function;
}

LogicalResult SplitForward::split(pipe::StageOp stage, SymbolTable &symbols) {
  auto fail = [&](const Twine &what) {
    return emitError(stage.getLoc())
           << "stage " << stage.getIndex() << " is to recompute, but " << what;
  };
  if (stage.getRecompute())
    return fail("has a function for it already, expected none yet");
  auto forward = symbols.lookup<func::FuncOp>(stage.getForward());
  size_t carried = stage.carriedByForward();
  if (!forward || !llvm::hasSingleElement(forward.getBody()) ||
      forward.getNumResults() < carried)
    return fail("its forward function '" + stage.getForward() +
                "' is not there, expected one of one block that returns at least " +
                Twine(carried) + " values");
  auto [entry, isNew] = known.try_emplace(forward);
  if (isNew) {
    unsigned saved = forward.getNumResults() - carried;
    auto recompute = part(forward, "_recompute", carried, saved, symbols);
    auto output = part(forward, "_forward", 0, carried, symbols);
    entry->second = {FlatSymbolRefAttr::get(output), FlatSymbolRefAttr::get(recompute)};
  }
  stage.setForwardAttr(entry->second.forward);
  stage.setRecomputeAttr(entry->second.recompute);
  return success();
}

/// Forward functions that no stage has any more.
void SplitForward::eraseUnused(SymbolTable &symbols) {
  for (auto stage : getOperation().getOps<pipe::StageOp>())
    known.erase(symbols.lookup(stage.getForward()));
  for (auto &[function, parts] : known)
    symbols.erase(function);
  known.clear();
}
