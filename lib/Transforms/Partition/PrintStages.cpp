//===- PrintStages.cpp - The table of stages -------------------------------===//
//
// Everything in the table stands in `pipe.stage` or in the type of its
// function; the name is the location of the stage.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Partition/PrintStages.h"
#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Dialect/Pipe/IR/TypeBytes.h"
#include "lib/Transforms/Partition/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/FormatVariadic.h"

#include <numeric>

using namespace mlir;
using namespace bitpipe;

namespace bitpipe {
#define GEN_PASS_DEF_PIPEPRINTSTAGES
#include "lib/Transforms/Partition/Passes.h.inc"
} // namespace bitpipe

/// The node's name that a location carries, if any.
static StringRef nameOf(Location location) {
  auto name = dyn_cast<NameLoc>(location);
  return name ? name.getName().getValue() : "";
}

static double total(ArrayRef<double> costs) {
  return std::accumulate(costs.begin(), costs.end(), 0.0);
}

/// The elements of the trainable parameters of a stage.
static double trainableElements(pipe::StageOp stage, SymbolTable &symbols) {
  double elements = 0;
  for (Attribute symbol : stage.getParameters()) {
    auto parameter = symbols.lookup<pipe::ParameterOp>(
        cast<FlatSymbolRefAttr>(symbol).getAttr());
    if (parameter && parameter.getTrainable())
      elements += cast<RankedTensorType>(parameter.getType()).getNumElements();
  }
  return elements;
}

/// The bytes a stage hands to the next one; the saved values that follow the
/// carried ones stay.
static double carriedBytes(pipe::StageOp stage, SymbolTable &symbols) {
  auto function = symbols.lookup<func::FuncOp>(stage.getForward());
  if (!function)
    return 0;
  double bytes = 0;
  for (Type type :
       function.getResultTypes().take_front(stage.carriedByForward()))
    bytes += bytesOf(type);
  return bytes;
}

void bitpipe::printStageReport(ModuleOp module, raw_ostream &out) {
  SymbolTable symbols(module);
  double all = 0;
  for (auto stage : module.getOps<pipe::StageOp>())
    all += total(stage.getCost());
  out << "stage  function      cost      Gop  parameters  carried KiB  begins at\n";
  for (auto stage : module.getOps<pipe::StageOp>()) {
    double cost = total(stage.getCost());
    out << llvm::formatv("{0,5}  {1,-9} {2,6:f1} % {3,8:f3} {4,11} {5,12:f1}  {6}\n",
                         stage.getIndex(), stage.getForward(),
                         all > 0 ? 100 * cost / all : 0, cost / 1e9,
                         int64_t(trainableElements(stage, symbols)),
                         carriedBytes(stage, symbols) / 1024,
                         nameOf(stage.getLoc()));
  }
}

namespace {

struct PipePrintStages
    : bitpipe::impl::PipePrintStagesBase<PipePrintStages> {
  void runOnOperation() override {
    printStageReport(getOperation(), llvm::outs());
    markAllAnalysesPreserved();
  }
};

} // namespace
