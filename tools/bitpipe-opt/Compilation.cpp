//===- Compilation.cpp - A module from level to level ----------------------===//
//
// Runs the phases in order. What a module holds says how far it has come, so
// any level can be the input and any later one the output.
//
//===----------------------------------------------------------------------===//

#include "tools/bitpipe-opt/Compilation.h"

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Transforms/Autodiff/Passes.h"
#include "lib/Transforms/Lower/Passes.h"
#include "lib/Transforms/ONNX/Import.h"
#include "lib/Transforms/Partition/Passes.h"
#include "lib/Transforms/Precision/Passes.h"
#include "tools/bitpipe-opt/ChooseSchedule.h"
#include "tools/bitpipe-opt/SourceFiles.h"
#include "tools/bitpipe-opt/Views.h"

#include "mlir/Parser/Parser.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace bitpipe;

/// A stage gets as much work as it has devices.
static PipePartitionOptions partitionOptions(int stages, const Options &options) {
  PipePartitionOptions partition;
  partition.stages = stages;
  partition.replicas.assign(options.stageReplicas.begin(), options.stageReplicas.end());
  partition.begins.assign(options.stageBegins.begin(), options.stageBegins.end());
  return partition;
}

LogicalResult Compilation::run() {
  bool isModel = llvm::sys::path::extension(options.input) == ".onnx";
  // What a file that was given back is for shows later.
  if (isModel && options.emit == Emit::Files && failed(chooseAssembler()))
    return failure();
  checkOutputs();
  bool chooses = choosesSchedule(options);
  if (options.input.empty())
    return failed(chooses ? choose() : pickFamily()) ? failure() : print();
  // A schedule that cannot be is reported before any model is read.
  bool isOpen = chooses || options.picksReplicas;
  if (isModel && !isOpen && !(stages = stageCount(options, context)))
    return failure();
  if (failed(load()) || (!isModel && failed(checkInput())))
    return failure();
  if (!isModel && options.emit == Emit::Files && failed(chooseAssembler()))
    return failure();
  if (chooses && failed(choose()))
    return failure();
  if (options.emit == Emit::Files)
    return failed(checkSourceFiles(*module)) ? failure() : writeFiles();
  if (failed(raiseTo(levelFor(options.emit))))
    return failure();
  return print();
}

LogicalResult Compilation::raiseTo(Level goal) {
  for (Level level = levelOf(*module); level < goal; level = levelOf(*module))
    if (failed(decide()) || failed(raise(Level(int(level) + 1))))
      return failure();
  return decide();
}

LogicalResult Compilation::decide() {
  bool isOpen = failed(pickReplicas()) || failed(pickFamily()) || failed(chooseRecomputed());
  return isOpen ? failure() : chooseOffload();
}

LogicalResult Compilation::load() {
  if (llvm::sys::path::extension(options.input) != ".onnx") {
    module = parseSourceFile<ModuleOp>(options.input, context);
    return success(bool(module));
  }
  ImportOptions importing;
  for (const auto &[name, size] : options.dims)
    importing.dims[name] = size;
  bool isAgain = !options.batchDim.empty(); // and what is left open was told
  importing.batch = options.batch && !isAgain ? 1 : 0;
  importing.batchName = &options.batchDim;
  importing.train = options.train;
  importing.freeze = options.freeze;
  module = importONNX(options.input, importing, context, isAgain ? llvm::nulls() : llvm::errs());
  return success(bool(module));
}

LogicalResult Compilation::checkInput() {
  if (failed(checkAgainst(options, *module)))
    return failure();
  Level level = levelOf(*module);
  // A text may have been changed.
  if (level >= Level::Plan)
    return runPasses([](PassManager &manager) { manager.addPass(createCheckPlanPass()); });
  if (choosesSchedule(options)) {
    if (level == Level::Stages)
      return fail("--pipeline is auto, but the file holds stages, whose number depends on the schedule: expected an earlier level");
    return success();
  }
  if (options.picksReplicas && level == Level::Stages)
    return fail("--stage-replicas is auto, but the file holds stages, which depend on it: expected an earlier level");
  if (options.picksReplicas)
    return success();
  stages = stageCount(options, context);
  if (!stages)
    return failure();
  auto held = module->getOps<pipe::StageOp>();
  int64_t count = std::distance(held.begin(), held.end());
  if (level == Level::Stages && count != *stages)
    return fail("the file holds " + Twine(count) + " stages, but the schedule that is asked for has " +
                              Twine(*stages));
  return success();
}

LogicalResult Compilation::raise(Level level) {
  if (level == Level::Stages && llvm::none_of(module->getOps<pipe::ParameterOp>(),
                                              [](auto op) { return op.getTrainable(); }))
    return fail("no parameter is trained, expected at least one (see --train and --freeze)");
  return runPasses([&](PassManager &manager) {
    switch (level) {
    case Level::Nodes:
      break;
    case Level::Graph:
      buildONNXPipeline(manager, options.attention == "fused" ? Attention::Fused
                                                              : Attention::Decomposed);
      break;
    case Level::Loss:
      manager.addPass(createPipeAttachLoss({options.loss}));
      manager.addPass(createPipeFreezeUnreached());
      manager.addNestedPass<func::FuncOp>(createPipeFuseLoss());
      break;
    case Level::Stages:
      // Cut before differentiating: equal stages are then differentiated once.
      manager.addPass(createPipePartition(partitionOptions(*stages, options)));
      buildAutodiffPipeline(manager, options.target == "cuda" ? logitBytesOnGPU : logitBytesOnCPU);
      if (options.precision == "bf16") {
        manager.addPass(createUseBF16());
        manager.addNestedPass<func::FuncOp>(createCSEPass());
        manager.addNestedPass<func::FuncOp>(createFuseRoundings());
      }
      break;
    case Level::Plan:
      buildPlanningPipeline(manager, planningOptions(options));
      break;
    case Level::Program:
      buildLowerPipeline(manager, {options.optimizer, options.target,
                                   options.memory.value_or(0), weights});
      break;
    }
  });
}
