//===- Compilation.h - One module on its way -------------------------------===//
//
// What the parts of a compilation share: Compilation.cpp takes the module from level to
// level, CompilationChoices.cpp decides what options leave open, CompilationOutput.cpp
// writes what was asked for.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TOOLS_BITPIPE_OPT_COMPILATION_H
#define BITPIPE_TOOLS_BITPIPE_OPT_COMPILATION_H

#include "lib/Transforms/Planning/Passes.h"
#include "lib/Transforms/Schedule/Choose/Choose.h"
#include "tools/bitpipe-opt/Levels.h"
#include "tools/bitpipe-opt/Output.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/Timing.h"
#include "llvm/Support/FileUtilities.h"

#include <map>

namespace bitpipe {

class Compilation {
public:
  Compilation(const Options &options, mlir::MLIRContext *context)
      : options(options), context(context) {
    mlir::applyDefaultTimingManagerCLOptions(timer);
    timing = timer.getRootScope();
  }

  mlir::LogicalResult run();

private:
  mlir::LogicalResult fail(const llvm::Twine &message) {
    return mlir::emitError(mlir::UnknownLoc::get(context)) << message;
  }
  mlir::LogicalResult load();
  /// Takes the whole model in micro-batches of another size, imported again if need be; 0: any.
  mlir::LogicalResult useSize(int samples);
  /// Checks a module of any level that was given back, and how it is cut.
  mlir::LogicalResult checkInput();
  /// Decides which schedule --pipeline=auto is.
  mlir::LogicalResult choose();
  /// The model cut in the common number of stages, for their costs; null if costs are
  /// given or there is none.
  mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>> stagesForCosts();
  /// Decides which family is meant where none is named, as soon as costs are known.
  mlir::LogicalResult pickFamily();
  /// Puts a list of costs of the chosen schedule's own stages in the place of the file's.
  mlir::LogicalResult useOwnCosts(const schedule::Request &request);
  /// Puts a file of these costs, which is gone in the end, in the place of the one given.
  mlir::LogicalResult useCosts(const schedule::Costs &costs);
  /// Puts numbers in the place of --stage-replicas=auto, where the module has come so far.
  mlir::LogicalResult pickReplicas();
  /// The most bytes that any device's layout takes under a request.
  schedule::ErrorOr<double> needOf(const schedule::Request &request);
  /// Refuses programs of which no files can be made.
  mlir::LogicalResult checkUnfinished();
  /// Takes the module through the phases up to a level.
  mlir::LogicalResult raiseTo(Level level);
  /// What is open and can be decided by what the module tells by now.
  mlir::LogicalResult decide();
  /// Puts the stages in the place of --recompute=auto, where the module has come so far.
  mlir::LogicalResult chooseRecomputed();
  /// Puts a number in the place of --offload=auto, likewise.
  mlir::LogicalResult chooseOffload();
  /// What each device needs under a schedule, in bytes.
  mlir::FailureOr<std::vector<int64_t>> memoryOf(const PlanningOptions &planning);
  /// Brings the module from the level below to this one.
  mlir::LogicalResult raise(Level level);
  /// Refuses what must not be replaced, before any work is done.
  void checkOutputs();
  /// Refuses a file that the compilation reads.
  void checkNotRead(llvm::StringRef path);
  /// Looks for ptxas where kernels of a GPU are to be assembled, and says where none is.
  mlir::LogicalResult chooseAssembler();
  mlir::LogicalResult writeFiles();
  /// The target of the programs, which a file may hold already.
  bool isForGPU();
  std::string archOfGPU() { return options.arch.empty() ? "sm_90" : options.arch; }
  PlanPaths pathsOfPlan();
  void addKernelPass(mlir::PassManager &manager, const std::string &output, const std::string &assembler = "");
  /// Prints the one thing asked for.
  mlir::LogicalResult print();
  mlir::LogicalResult printTo(llvm::raw_ostream &out);
  /// A plan for GPUs as C++.
  mlir::LogicalResult printCUDA(llvm::raw_ostream &out);

  template <typename Build> mlir::LogicalResult runPasses(Build build, mlir::ModuleOp target = {}) {
    mlir::PassManager manager(context);
    if (mlir::failed(mlir::applyPassManagerCLOptions(manager)))
      return mlir::failure();
    manager.enableTiming(timing);
    build(manager);
    return manager.run(target ? target : *module);
  }

  Options options; // with the schedule, and the stages that recompute, once they are chosen
  mlir::MLIRContext *context;
  std::optional<schedule::Choice> choice;
  std::optional<int> stages; // of the schedule
  mlir::OwningOpRef<mlir::ModuleOp> module;
  /// While a schedule is chosen: by samples and stages, and of other sizes than `size` whole.
  std::map<std::pair<int, int>, mlir::OwningOpRef<mlir::ModuleOp>> cuts;
  std::map<int, mlir::OwningOpRef<mlir::ModuleOp>> whole;
  int size = 1; // of micro-batches, where that is chosen
  llvm::FileRemover ownCosts; // of the chosen schedule
  std::string weights; // where to write the weights; empty: nowhere
  std::string assembler; // folder of ptxas and fatbinary; empty: kernels of a GPU stay PTX
  std::string assemblerVersion;
  mlir::DefaultTimingManager timer;
  mlir::TimingScope timing;
};

} // namespace bitpipe

#endif // BITPIPE_TOOLS_BITPIPE_OPT_COMPILATION_H
