//===- StageSizes.cpp - What stages keep, by their functions ---------------===//

#include "lib/Transforms/Planning/StageSizes.h"
#include "lib/Dialect/Pipe/IR/TypeBytes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/SymbolTable.h"

#include <map>

using namespace mlir;
using namespace bitpipe;

/// Of some results those that are no arguments but these first ones: all others are
/// there anyway. A value that is returned twice is there once.
static double bytesReturned(func::FuncOp function, unsigned first, unsigned arguments) {
  SetVector<Value> values;
  for (Value value : function.getBody().front().getTerminator()->getOperands().drop_front(first)) {
    auto argument = dyn_cast<BlockArgument>(value);
    if (!argument || argument.getArgNumber() < arguments)
      values.insert(value);
  }
  double bytes = 0;
  for (Value value : values)
    bytes += bytesOf(value.getType());
  return bytes;
}

static std::optional<StageSizes> sizesOf(pipe::StageOp stage, SymbolTable &symbols) {
  auto find = [&](std::optional<StringRef> name) {
    auto function = name ? symbols.lookup<func::FuncOp>(*name) : func::FuncOp();
    return function && llvm::hasSingleElement(function.getBody()) ? function
                                                                  : func::FuncOp();
  };
  func::FuncOp forward = find(stage.getForward());
  func::FuncOp gradient = find(stage.getInputGradient());
  size_t carriedIn = stage.getCarriedIn().size();
  size_t gradientsIn = llvm::count(stage.getCarriedIn(), true) + stage.jointResults();
  size_t gradientsOut = llvm::count(stage.getCarriedOut(), true);
  if (!forward || !gradient || forward.getNumArguments() < carriedIn ||
      forward.getNumResults() < stage.carriedByForward() ||
      gradient.getNumResults() < gradientsIn)
    return std::nullopt;
  StageSizes sizes;
  sizes.saved = bytesReturned(forward, stage.carriedByForward(), carriedIn);
  size_t saved = forward.getNumResults() - stage.carriedByForward();
  sizes.kept = bytesReturned(gradient, gradientsIn, gradientsOut + saved);
  for (Value argument : forward.getArguments().take_front(carriedIn))
    sizes.input += bytesOf(argument.getType());
  return sizes;
}

std::vector<StageSizes> bitpipe::stageSizes(ModuleOp module) {
  SymbolTable symbols(module);
  std::map<int64_t, StageSizes> stages;
  for (auto stage : module.getOps<pipe::StageOp>()) {
    std::optional<StageSizes> sizes = sizesOf(stage, symbols);
    if (!sizes)
      return {};
    stages[stage.getIndex()] = *sizes;
  }
  std::vector<StageSizes> result;
  for (const auto &[index, sizes] : stages)
    result.push_back(sizes);
  return result;
}
