//===- StageSizes.cpp - What stages keep, by their functions ---------------===//

#include "lib/Transforms/Planning/StageSizes.h"
#include "lib/Dialect/Pipe/IR/TypeBytes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/SymbolTable.h"

#include <map>

using namespace mlir;
using namespace bitpipe;

/// What a function returns behind its first results, each value once.
static SetVector<Value> returned(func::FuncOp function, unsigned first) {
  SetVector<Value> values;
  for (Value value : function.getBody().front().getTerminator()->getOperands().drop_front(first))
    values.insert(value);
  return values;
}

/// The number of the argument that a value is, or -1.
static int64_t argumentNumber(Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  return argument ? int64_t(argument.getArgNumber()) : -1;
}

/// Of some values those that are no arguments but these first ones: all others are
/// there anyway.
static double bytesOfOwn(const SetVector<Value> &values, unsigned arguments) {
  double bytes = 0;
  for (Value value : values)
    if (argumentNumber(value) < int64_t(arguments))
      bytes += bytesOf(value.getType());
  return bytes;
}

/// What lies in messages that came from other stages: of the forward's results its first
/// arguments, of the gradient's its own first ones, and what the forward has passed on.
static void setInMessages(const SetVector<Value> &saved, const SetVector<Value> &kept,
                          func::FuncOp forward, size_t carriedOut, size_t carriedIn,
                          size_t gradientsOut, StageSizes &sizes) {
  auto isInput = [&](Value value) {
    int64_t number = argumentNumber(value);
    return number >= 0 && number < int64_t(carriedIn);
  };
  for (Value value : saved)
    if (isInput(value))
      sizes.savedInMessage += bytesOf(value.getType());
  auto results = forward.getBody().front().getTerminator()->getOperands();
  for (Value value : kept) {
    int64_t number = argumentNumber(value);
    if (number < 0)
      continue;
    bool isGradient = number < int64_t(gradientsOut);
    size_t passed = carriedOut + number - gradientsOut; // of the forward's results
    bool isPassed = !isGradient && passed < results.size() && isInput(results[passed]);
    sizes.keepsGradient |= isGradient;
    sizes.keepsInput |= isPassed;
    if (isGradient || isPassed)
      sizes.keptInMessage += bytesOf(value.getType());
  }
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
  size_t carriedOut = stage.carriedByForward();
  SetVector<Value> saved = returned(forward, carriedOut), kept = returned(gradient, gradientsIn);
  sizes.saved = bytesOfOwn(saved, carriedIn);
  sizes.kept = bytesOfOwn(kept, gradientsOut + forward.getNumResults() - carriedOut);
  setInMessages(saved, kept, forward, carriedOut, carriedIn, gradientsOut, sizes);
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
