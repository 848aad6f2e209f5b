//===- Driver.cpp - From a model to a plan ---------------------------------===//
//
// Runs the phases in order, each once: what a module holds says how far it
// has come. Files are written to temporary names and renamed at the end, so
// that a failure leaves nothing behind.
//
//===----------------------------------------------------------------------===//

#include "tools/bitpipe-opt/Driver.h"

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Transforms/ONNX/Import.h"
#include "tools/bitpipe-opt/Diagnostics.h"
#include "tools/bitpipe-opt/Phases.h"

#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;

namespace bitpipe {
namespace {

/// How far a module has come.
enum class Level { Imported, Loss, Stages, Plan, Program };

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
    return model.getLoss() ? Level::Loss : Level::Imported;
  return Level::Imported;
}

class Compilation {
public:
  Compilation(const Options &options, MLIRContext &context)
      : options(options), context(context) {}

  LogicalResult run();

private:
  LogicalResult load();
  LogicalResult import();
  LogicalResult stages();
  LogicalResult plan();
  LogicalResult lower();
  LogicalResult runPasses(const Twine &pipeline);
  LogicalResult emit();
  LogicalResult emitIR();

  const Options &options;
  MLIRContext &context;
  OwningOpRef<ModuleOp> module;
};

} // namespace

int compile(const Options &options, const DialectRegistry &registry) {
  MLIRContext context(registry);
  context.loadAllAvailableDialects();
  DiagnosticPrinter printer(&context, options.input);
  return succeeded(Compilation(options, context).run()) ? 0 : 1;
}

} // namespace bitpipe
