//===- Driver.cpp - From a model to a plan ---------------------------------===//
//
// Runs the phases in order: what a module holds says how far it has come, so
// any level can be the input and any later one the output. Files are written
// beside the plan under temporary names and renamed at the end, so that a
// failure leaves nothing behind.
//
//===----------------------------------------------------------------------===//

#include "tools/bitpipe-opt/Driver.h"

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Transforms/Autodiff/Passes.h"
#include "lib/Transforms/Kernels/Passes.h"
#include "lib/Transforms/Lower/Passes.h"
#include "lib/Transforms/ONNX/Import.h"
#include "lib/Transforms/Planning/Passes.h"
#include "tools/bitpipe-opt/Diagnostics.h"
#include "tools/bitpipe-opt/Output.h"

#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace bitpipe {
namespace {

/// How far a module has come; the phase before a level makes it.
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

/// Reads an ONNX file, or IR of any level.
OwningOpRef<ModuleOp> load(const Options &options, MLIRContext *context) {
  if (llvm::sys::path::extension(options.input) != ".onnx")
    return parseSourceFile<ModuleOp>(options.input, context);
  ImportOptions importing;
  importing.dims = options.dims;
  importing.train = options.train;
  importing.freeze = options.freeze;
  return importONNX(options.input, importing, context, llvm::errs());
}
