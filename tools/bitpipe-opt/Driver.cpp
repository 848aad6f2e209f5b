//===- Driver.cpp - From a model to a plan ---------------------------------===//
//
// Runs the phases in order. What a module holds says how far it has come, so
// any level can be the input and any later one the output.
//
//===----------------------------------------------------------------------===//

#include "tools/bitpipe-opt/Driver.h"

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Files/Error.h"
#include "lib/Files/OutputFile.h"
#include "lib/Files/WrittenBy.h"
#include "lib/Transforms/Autodiff/Passes.h"
#include "lib/Transforms/Kernels/Passes.h"
#include "lib/Transforms/Lower/Passes.h"
#include "lib/Transforms/Lower/PrintMemory.h"
#include "lib/Transforms/ONNX/AttentionReport.h"
#include "lib/Transforms/ONNX/Import.h"
#include "lib/Transforms/Partition/Passes.h"
#include "lib/Transforms/Partition/PrintStages.h"
#include "lib/Transforms/Planning/Passes.h"
#include "lib/Transforms/Precision/Passes.h"
#include "lib/Transforms/Schedule/Emit/EmitChoice.h"
#include "tools/bitpipe-opt/ChooseRecomputed.h"
#include "tools/bitpipe-opt/ChooseSchedule.h"
#include "tools/bitpipe-opt/Diagnostics.h"
#include "tools/bitpipe-opt/EmitCUDA.h"
#include "tools/bitpipe-opt/Levels.h"
#include "tools/bitpipe-opt/Output.h"
#include "tools/bitpipe-opt/SourceFiles.h"
#include "tools/bitpipe-opt/Views.h"

#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/Timing.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <sstream>

using namespace mlir;

namespace bitpipe {
namespace {

LogicalResult error(MLIRContext *context, const Twine &message) {
  return emitError(UnknownLoc::get(context)) << message;
}

class Compilation {
public:
  Compilation(const Options &options, MLIRContext *context)
      : options(options), context(context) {
    applyDefaultTimingManagerCLOptions(timer);
    timing = timer.getRootScope();
  }

  LogicalResult run();

private:
  LogicalResult load();
  /// Checks a module of any level that was given back, and how it is cut.
  LogicalResult checkInput();
  /// Decides which schedule --pipeline=auto is.
  LogicalResult choose();
  /// The model cut in the common number of stages, for their costs; null if costs are
  /// given or there is none.
  FailureOr<OwningOpRef<ModuleOp>> stagesForCosts();
  LogicalResult tryChoice(ModuleOp forCosts, double buffers);
  /// The most bytes that any device's layout takes under the schedule of the options.
  FailureOr<int64_t> laidOut();
  /// Refuses programs of which no files can be made.
  LogicalResult checkUnfinished();
  /// Takes the module through the phases up to a level.
  LogicalResult raiseTo(Level level);
  /// Puts the stages in the place of --recompute=auto, where the module has come so far.
  LogicalResult chooseRecomputed();
  /// What each device needs under a schedule, in bytes.
  FailureOr<std::vector<int64_t>> memoryOf(const PlanningOptions &planning);
  /// Brings the module from the level below to this one.
  LogicalResult raise(Level level);
  /// Refuses what must not be replaced, before any work is done.
  void checkOutputs();
  /// Refuses a file that the compilation reads.
  void checkNotRead(StringRef path);
  LogicalResult writeFiles();
  /// The target of the programs, which a file may hold already.
  bool isForGPU();
  std::string archOfGPU() { return options.arch.empty() ? "sm_90" : options.arch; }
  PlanPaths pathsOfPlan();
  void addKernelPass(PassManager &manager, const std::string &output);
  /// Prints the one thing asked for.
  LogicalResult print();
  LogicalResult printTo(raw_ostream &out);
  /// A plan for GPUs as C++.
  LogicalResult printCUDA(raw_ostream &out);

  template <typename Build> LogicalResult runPasses(Build build, ModuleOp target = {}) {
    PassManager manager(context);
    if (failed(applyPassManagerCLOptions(manager)))
      return failure();
    manager.enableTiming(timing);
    build(manager);
    return manager.run(target ? target : *module);
  }

  Options options; // with the schedule, and the stages that recompute, once they are chosen
  MLIRContext *context;
  std::optional<schedule::Choice> choice;
  std::optional<int> stages; // of the schedule
  OwningOpRef<ModuleOp> module;
  std::string weights; // where to write the weights; empty: nowhere
  DefaultTimingManager timer;
  TimingScope timing;
};

LogicalResult Compilation::run() {
  checkOutputs();
  bool chooses = choosesSchedule(options);
  if (options.input.empty())
    return chooses && failed(choose()) ? failure() : print();
  // A schedule that cannot be is reported before any model is read.
  bool isModel = llvm::sys::path::extension(options.input) == ".onnx";
  if (isModel && !chooses && !(stages = stageCount(options, context)))
    return failure();
  if (failed(load()) || (!isModel && failed(checkInput())))
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
    if (failed(chooseRecomputed()) || failed(raise(Level(int(level) + 1))))
      return failure();
  return chooseRecomputed();
}

LogicalResult Compilation::chooseRecomputed() {
  if (options.recompute != "auto" || levelOf(*module) != Level::Stages)
    return success();
  auto chosen = bitpipe::chooseRecomputed(options, *module, [&](StringRef order) {
    return memoryOf({.scheduleFile = order.str(), .cost = options.cost, .costFile = options.costFile});
  });
  if (succeeded(chosen))
    options.recompute = *chosen;
  return chosen;
}

FailureOr<std::vector<int64_t>> Compilation::memoryOf(const PlanningOptions &planning) {
  OwningOpRef<ModuleOp> copy = module->clone();
  auto lower = [&](PassManager &manager) {
    buildPlanningPipeline(manager, planning);
    buildLowerPipeline(manager, {options.optimizer, options.target, 0, ""});
  };
  if (failed(runPasses(lower, *copy)))
    return failure();
  std::vector<int64_t> bytes;
  for (auto program : copy->getOps<pipe::ProgramOp>())
    bytes.push_back(memoryUse(program).total());
  return bytes;
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

LogicalResult Compilation::checkInput() {
  if (failed(checkAgainst(options, *module)))
    return failure();
  Level level = levelOf(*module);
  // A text may have been changed.
  if (level >= Level::Plan)
    return runPasses([](PassManager &manager) { manager.addPass(createCheckPlanPass()); });
  if (choosesSchedule(options)) {
    if (level == Level::Stages)
      return error(context, "--pipeline is auto, but the file holds stages, whose number depends on the schedule: expected an earlier level");
    return success();
  }
  stages = stageCount(options, context);
  if (!stages)
    return failure();
  auto held = module->getOps<pipe::StageOp>();
  int64_t count = std::distance(held.begin(), held.end());
  if (level == Level::Stages && count != *stages)
    return error(context, "the file holds " + Twine(count) + " stages, but the schedule that is asked for has " +
                              Twine(*stages));
  return success();
}

FailureOr<OwningOpRef<ModuleOp>> Compilation::stagesForCosts() {
  if (!module || hasCosts(options))
    return OwningOpRef<ModuleOp>();
  if (failed(raiseTo(Level::Loss)))
    return failure();
  OwningOpRef<ModuleOp> whole = module->clone();
  stages = int(2 * options.devices);
  LogicalResult raised = raiseTo(Level::Stages);
  std::swap(module, whole);
  if (failed(raised))
    return failure();
  return whole;
}

FailureOr<int64_t> Compilation::laidOut() {
  OwningOpRef<ModuleOp> whole = module->clone();
  FailureOr<std::vector<int64_t>> bytes = failure();
  if (succeeded(raiseTo(Level::Stages)))
    bytes = memoryOf(planningOptions(options));
  std::swap(module, whole);
  if (failed(bytes))
    return failure();
  return *llvm::max_element(*bytes);
}

LogicalResult Compilation::tryChoice(ModuleOp forCosts, double buffers) {
  Options open = options;
  auto chosen = chooseSchedule(open, forCosts, buffers);
  if (!chosen)
    return error(context, chosen.error().text);
  choice = std::move(*chosen);
  options = withChosen(open, *choice);
  stages = stageCount(options, context);
  return success(bool(stages));
}

/// The schedule counts what is alive; the layout, which has the last word, has messages and
/// memory to compute in besides. Where that is too much, as much is added for every schedule,
/// and it is chosen anew.
LogicalResult Compilation::choose() {
  FailureOr<OwningOpRef<ModuleOp>> forCosts = stagesForCosts();
  if (failed(forCosts))
    return failure();
  const Options open = options;
  double buffers = 0;
  while (true) {
    options = open;
    ModuleOp cut = *forCosts ? **forCosts : ModuleOp();
    if (failed(tryChoice(cut, buffers)))
      return failure();
    bool isLimited = cut && options.memory && levelFor(options.emit) >= Level::Stages;
    if (!isLimited)
      break;
    FailureOr<int64_t> need = laidOut();
    if (failed(need))
      return failure();
    if (*need <= *options.memory)
      break;
    buffers += double(*need) - choice->fitting.front().memory;
  }
  llvm::errs() << schedule::toText(*choice) << "\n";
  return success();
}

LogicalResult Compilation::checkUnfinished() {
  for (auto training : module->getOps<pipe::TrainingOp>())
    if (!training.getWeights().empty() || !training.getKernels().empty())
      return error(context, "the file is a finished plan, whose weights and kernels are files of their own: expected an earlier level to make files from");
  if (!module->lookupSymbol<ModuleOp>("kernels"))
    return error(context, "the file holds programs without their kernels, expected what --emit=program prints");
  return success();
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
      manager.addPass(createPipePartition({*stages}));
      buildAutodiffPipeline(manager);
      if (options.precision == "bf16") {
        manager.addPass(createUseBF16());
        manager.addNestedPass<func::FuncOp>(createCSEPass());
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

/// What a file with this one thing is.
FileKind kindOf(Emit emit) {
  switch (emit) {
  case Emit::Timeline:
    return FileKind::Picture;
  case Emit::Trace:
    return FileKind::Trace;
  case Emit::CUDA:
    return FileKind::Program;
  case Emit::Schedule:
  case Emit::Report:
    return FileKind::Unmarked;
  default:
    return FileKind::IR;
  }
}

bool Compilation::isForGPU() {
  if (module)
    for (auto training : module->getOps<pipe::TrainingOp>())
      return training.getTarget() == "cuda";
  return options.target == "cuda";
}

PlanPaths Compilation::pathsOfPlan() {
  bool isPTX = isForGPU() && archOfGPU() != emulatedArch;
  return PlanPaths(options.output, isPTX ? "ptx" : "so");
}

void Compilation::addKernelPass(PassManager &manager, const std::string &output) {
  if (isForGPU())
    manager.addPass(createPipeCompileGPUKernels({output, archOfGPU()}));
  else
    manager.addPass(createPipeCompileKernels({output, options.arch, ""}));
}

void Compilation::checkOutputs() {
  PlanPaths paths = pathsOfPlan();
  llvm::SmallVector<std::pair<StringRef, FileKind>> outputs = {{options.output, kindOf(options.emit)}};
  if (options.emit == Emit::Files)
    outputs = {{paths.plan, FileKind::IR}, {paths.weights, FileKind::Weights}, {paths.kernels, FileKind::Kernels}};
  else if (isStream(options.output))
    return;
  for (auto [output, kind] : outputs) {
    checkNotRead(output);
    // Whether it holds the same shows only when it is there.
    if (!options.force && kind != FileKind::Unmarked)
      refuseToReplace(output.str(), kind);
  }
}

void Compilation::checkNotRead(StringRef path) {
  SmallVector<StringRef> inputs = {options.input, options.scheduleFile,
                                   options.routesFile, options.costFile};
  if (module)
    for (auto parameter : module->getOps<pipe::ParameterOp>())
      if (auto file = parameter.getFile(); file && *file != inputs.back())
        inputs.push_back(*file);
  for (StringRef input : inputs)
    if (llvm::sys::fs::equivalent(input, path))
      throw WriteError(path.str(), "is read by this compilation, expected another file to write to");
}

LogicalResult Compilation::writeFiles() {
  PlanPaths paths = pathsOfPlan();
  for (StringRef path : {paths.plan, paths.weights, paths.kernels})
    checkNotRead(path);
  OutputFile plan(paths.plan), weightsFile(paths.weights), kernels(paths.kernels);
  weights = weightsFile.temporaryPath();
  if (levelOf(*module) == Level::Program) {
    // The weights are still where the text points to.
    if (failed(checkUnfinished()) || failed(runPasses([&](PassManager &manager) {
          manager.addPass(createWriteWeights({weights}));
        })))
      return failure();
  } else if (failed(raiseTo(Level::Program))) {
    return failure();
  }
  printMemoryReport(*module, llvm::errs());
  if (failed(runPasses([&](PassManager &manager) { addKernelPass(manager, kernels.temporaryPath()); })))
    return failure();
  for (auto training : module->getOps<pipe::TrainingOp>()) {
    training.setWeights(llvm::sys::path::filename(paths.weights));
    training.setKernels(llvm::sys::path::filename(paths.kernels));
  }
  std::string text;
  llvm::raw_string_ostream stream(text);
  module->print(stream);
  plan.write(mark::ir);
  plan.write(text);
  OutputFile::commit({&weightsFile, &kernels, &plan});
  return success();
}

LogicalResult Compilation::print() {
  if (!isStream(options.output))
    checkNotRead(options.output);
  std::string text;
  llvm::raw_string_ostream stream(text);
  if (failed(printTo(stream)))
    return failure();
  writeText(options.output, kindOf(options.emit), text, options.force);
  return success();
}

LogicalResult Compilation::printTo(raw_ostream &out) {
  if (options.emit <= Emit::Program) {
    if (failed(noteSourceFiles(*module)))
      return failure();
    module->print(out);
    return success();
  }
  if (options.emit == Emit::CUDA)
    return printCUDA(out);
  if (options.emit == Emit::Report && choice) {
    std::ostringstream table;
    schedule::emitChoice(table, *choice);
    out << table.str() << "\n";
  }
  if (failed(printView(options, module ? *module : ModuleOp(), context, out)))
    return failure();
  if (options.emit != Emit::Report || !module || !options.compare.empty())
    return success();
  printAttentionReport(*module, out);
  if (levelOf(*module) >= Level::Stages)
    out << "\nPrecision " << precisionOf(*module) << "\n";
  // A plan of no model has neither, and programs have no stages any more.
  bool hasStages = !module->getOps<pipe::StageOp>().empty();
  if (hasStages)
    printStageReport(*module, out << "\n");
  if (!hasStages && levelOf(*module) < Level::Program)
    return success();
  if (failed(raiseTo(Level::Program)))
    return failure();
  printMemoryReport(*module, out << "\n");
  if (isForGPU())
    printKernelReport(*module, out << "\n");
  return success();
}

LogicalResult Compilation::printCUDA(raw_ostream &out) {
  if (!isForGPU())
    return error(context, "the programs are for the processor, expected --target=cuda, or a plan made with it");
  // What launches take follows from compiling the kernels, which a plan has beside it.
  if (module->lookupSymbol<ModuleOp>("kernels")) {
    SmallString<128> kernels;
    if (std::error_code failed = llvm::sys::fs::createTemporaryFile("kernels", "bitpipe", kernels))
      throw WriteError("a temporary file", failed.message());
    llvm::FileRemover remover(kernels);
    if (failed(runPasses([&](PassManager &manager) { addKernelPass(manager, std::string(kernels)); })))
      return failure();
  }
  out << cudaProgram(*module, options.input);
  return success();
}

} // namespace

int compile(const Options &options, const DialectRegistry &registry) {
  MLIRContext context(registry);
  context.loadAllAvailableDialects();
  DiagnosticPrinter printer(&context, options.input.empty() ? "bitpipe-opt" : options.input);
  try {
    return succeeded(Compilation(options, &context).run()) ? 0 : 1;
  } catch (const UserError &error) {
    llvm::errs() << error.what() << "\n";
    return 1;
  }
}

} // namespace bitpipe
