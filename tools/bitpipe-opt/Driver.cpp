//===- Driver.cpp - From a model to a plan ---------------------------------===//
//
// Runs the phases in order. What a module holds says how far it has come, so
// any level can be the input and any later one the output.
//
//===----------------------------------------------------------------------===//

#include "tools/bitpipe-opt/Driver.h"

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Transforms/Autodiff/Passes.h"
#include "lib/Transforms/Kernels/Passes.h"
#include "lib/Transforms/Lower/Passes.h"
#include "lib/Transforms/Lower/PrintMemory.h"
#include "lib/Transforms/ONNX/Import.h"
#include "lib/Transforms/Partition/Passes.h"
#include "lib/Transforms/Partition/PrintStages.h"
#include "lib/Transforms/Planning/Passes.h"
#include "tools/bitpipe-opt/Diagnostics.h"
#include "tools/bitpipe-opt/OutputFolder.h"
#include "tools/bitpipe-opt/Views.h"

#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace bitpipe {
namespace {

/// How far a module has come: the last level it holds.
enum class Level { Nodes, Graph, Loss, Stages, Plan, Program };

template <typename Op> bool holds(ModuleOp module) {
  return !module.getOps<Op>().empty();
}

Level levelOf(ModuleOp module) {
  if (holds<pipe::ProgramOp>(module))
    return Level::Program;
  if (holds<pipe::PlanOp>(module))
    return Level::Plan;
  if (holds<pipe::StageOp>(module))
    return Level::Stages;
  for (auto model : module.getOps<pipe::ModelOp>())
    if (model.getLoss())
      return Level::Loss;
  WalkResult walk = module.walk([](pipe::OnnxNodeOp) { return WalkResult::interrupt(); });
  return walk.wasInterrupted() ? Level::Nodes : Level::Graph;
}

/// The level that has to be reached for what is asked.
Level levelFor(Emit emit) {
  switch (emit) {
  case Emit::Graph:
    return Level::Loss;
  case Emit::Stages:
  case Emit::Schedule:
  case Emit::Timeline:
  case Emit::Trace:
  case Emit::Report:
    return Level::Stages;
  case Emit::Plan:
    return Level::Plan;
  case Emit::Program:
  case Emit::Files:
    return Level::Program;
  }
  llvm_unreachable("all kinds are covered");
}

LogicalResult error(MLIRContext *context, const Twine &message) {
  return emitError(UnknownLoc::get(context)) << message;
}

class Compilation {
public:
  Compilation(const Options &options, MLIRContext *context)
      : options(options), context(context) {}

  LogicalResult run();

private:
  LogicalResult load();
  /// Takes the module through the phases up to a level.
  LogicalResult raiseTo(Level level);
  /// Brings the module from the level below to this one.
  LogicalResult raise(Level level);
  LogicalResult checkTarget(StringRef path);
  LogicalResult writeFiles();
  /// Prints the one thing asked for, to a file as a whole or not at all.
  LogicalResult print();
  LogicalResult printTo(raw_ostream &out);
  LogicalResult writeText(StringRef path,
                          llvm::function_ref<LogicalResult(raw_ostream &)> text);

  template <typename Build> LogicalResult runPasses(Build build) {
    PassManager manager(context);
    build(manager);
    return manager.run(*module);
  }

  const Options &options;
  MLIRContext *context;
  std::optional<int> stages; // of the schedule
  OwningOpRef<ModuleOp> module;
  std::string weights; // where to write the weights; empty: nowhere
};

LogicalResult Compilation::run() {
  if (options.input.empty())
    return print();
  // A schedule that cannot be is reported before any model is read.
  stages = stageCount(options, context);
  if (!stages)
    return failure();
  if (failed(load()))
    return failure();
  if (options.emit == Emit::Files)
    return writeFiles();
  if (failed(raiseTo(levelFor(options.emit))))
    return failure();
  return print();
}

LogicalResult Compilation::raiseTo(Level goal) {
  for (Level level = levelOf(*module); level < goal; level = levelOf(*module))
    if (failed(raise(Level(int(level) + 1))))
      return failure();
  return success();
}

LogicalResult Compilation::load() {
  if (llvm::sys::path::extension(options.input) != ".onnx") {
    module = parseSourceFile<ModuleOp>(options.input, context);
    return success(bool(module));
  }
  ImportOptions importing;
  for (const auto &[name, size] : options.dims)
    importing.dims[name] = size;
  importing.train = options.train;
  importing.freeze = options.freeze;
  module = importONNX(options.input, importing, context, llvm::errs());
  return success(bool(module));
}

LogicalResult Compilation::raise(Level level) {
  if (level == Level::Stages && llvm::none_of(module->getOps<pipe::ParameterOp>(),
                                              [](auto op) { return op.getTrainable(); }))
    return error(context, "no parameter is trained, expected at least one (see --train and --freeze)");
  return runPasses([&](PassManager &manager) {
    switch (level) {
    case Level::Nodes:
      break;
    case Level::Graph:
      buildONNXPipeline(manager);
      break;
    case Level::Loss:
      manager.addPass(createPipeAttachLoss({options.loss}));
      break;
    case Level::Stages:
      // Cut before differentiating: equal stages are then differentiated once.
      manager.addPass(createPipePartition({*stages}));
      buildAutodiffPipeline(manager);
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

/// Refuses a file that the compilation reads, and what is no file at all:
/// moving a new file to its place would lose it.
LogicalResult Compilation::checkTarget(StringRef path) {
  llvm::sys::fs::file_status status;
  if (!llvm::sys::fs::status(path, status) && !llvm::sys::fs::is_regular_file(status))
    return error(context, "cannot write '" + path + "': it is there and no regular file, expected one or none");
  llvm::SmallVector<StringRef> inputs = {options.input};
  for (auto parameter : module->getOps<pipe::ParameterOp>())
    if (auto file = parameter.getFile(); file && *file != inputs.back())
      inputs.push_back(*file);
  for (StringRef input : inputs)
    if (llvm::sys::fs::equivalent(input, path))
      return error(context, "cannot write '" + path + "': the model is read from it, expected another -o");
  return success();
}

LogicalResult Compilation::writeFiles() {
  StringRef name = llvm::sys::path::filename(options.output);
  std::string stem = llvm::sys::path::stem(options.output).str();
  for (const std::string &file : {name.str(), stem + ".safetensors", stem + ".so"}) {
    llvm::SmallString<256> path(options.output);
    llvm::sys::path::remove_filename(path);
    llvm::sys::path::append(path, file);
    if (failed(checkTarget(path)))
      return failure();
  }
  llvm::Expected<OutputFolder> folder = OutputFolder::beside(options.output);
  if (!folder)
    return error(context, llvm::toString(folder.takeError()));
  weights = folder->path(stem + ".safetensors");
  if (failed(raiseTo(Level::Program)))
    return failure();
  printMemoryReport(*module, llvm::errs());
  if (failed(runPasses([&](PassManager &manager) {
        manager.addPass(createPipeCompileKernels({folder->path(stem + ".so"), options.arch, ""}));
      })) ||
      failed(writeText(folder->path(name), [&](raw_ostream &out) {
        module->print(out);
        return success();
      })))
    return failure();
  if (llvm::Error failed = folder->commit())
    return error(context, llvm::toString(std::move(failed)));
  return success();
}

LogicalResult Compilation::print() {
  auto text = [&](raw_ostream &out) { return printTo(out); };
  // Standard output and devices take the text as it comes.
  llvm::sys::fs::file_status status;
  bool isFile = llvm::sys::fs::status(options.output, status) ||
                llvm::sys::fs::is_regular_file(status);
  if (options.output == "-" || !isFile)
    return writeText(options.output, text);
  if (module && failed(checkTarget(options.output)))
    return failure();
  llvm::Expected<OutputFolder> folder = OutputFolder::beside(options.output);
  if (!folder)
    return error(context, llvm::toString(folder.takeError()));
  if (failed(writeText(folder->path(llvm::sys::path::filename(options.output)), text)))
    return failure();
  if (llvm::Error failed = folder->commit())
    return error(context, llvm::toString(std::move(failed)));
  return success();
}

LogicalResult Compilation::printTo(raw_ostream &out) {
  if (options.emit <= Emit::Program) {
    module->print(out);
    return success();
  }
  if (failed(printView(options, module ? *module : ModuleOp(), context, out)))
    return failure();
  if (options.emit != Emit::Report || !module || !options.compare.empty())
    return success();
  printStageReport(*module, out << "\n");
  if (failed(raiseTo(Level::Program)))
    return failure();
  printMemoryReport(*module, out << "\n");
  return success();
}

LogicalResult Compilation::writeText(
    StringRef path, llvm::function_ref<LogicalResult(raw_ostream &)> text) {
  std::error_code code;
  llvm::raw_fd_ostream out(path, code, llvm::sys::fs::OF_Text);
  if (!code) {
    if (failed(text(out)))
      return failure();
    out.flush();
    code = out.error();
    out.clear_error();
  }
  if (code)
    return error(context, "cannot write '" + options.output + "': " + code.message());
  return success();
}

} // namespace

int compile(const Options &options, const DialectRegistry &registry) {
  MLIRContext context(registry);
  context.loadAllAvailableDialects();
  DiagnosticPrinter printer(&context, options.input.empty() ? "bitpipe-opt" : options.input);
  return succeeded(Compilation(options, &context).run()) ? 0 : 1;
}

} // namespace bitpipe
