//===- bitpipe-opt.cpp - The compiler --------------------------------------===//
//
// With pass options (--pipe-...) an ordinary MLIR opt driver.
//
//===----------------------------------------------------------------------===//

#include "lib/Dialect/Pipe/IR/Pipe.h"
#ifdef BITPIPE_HAS_ONNX
#include "lib/Transforms/ONNX/Passes.h"
#endif
#ifdef BITPIPE_HAS_AUTODIFF
#include "lib/Transforms/Autodiff/Passes.h"
#endif
#ifdef BITPIPE_HAS_PARTITION
#include "lib/Transforms/Partition/Passes.h"
#endif
#ifdef BITPIPE_HAS_PLANNING
#include "lib/Transforms/Planning/Passes.h"
#endif
#ifdef BITPIPE_HAS_LOWER
#include "lib/Transforms/Lower/Passes.h"
#endif

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::registerAllPasses();
#ifdef BITPIPE_HAS_ONNX
  bitpipe::registerONNXPasses();
#endif
#ifdef BITPIPE_HAS_AUTODIFF
  bitpipe::registerAutodiffPasses();
#endif
#ifdef BITPIPE_HAS_PARTITION
  bitpipe::registerPartitionPasses();
#endif
#ifdef BITPIPE_HAS_PLANNING
  bitpipe::registerPlanningPasses();
#endif
#ifdef BITPIPE_HAS_LOWER
  bitpipe::registerLowerPasses();
#endif
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  registry.insert<bitpipe::pipe::PipeDialect>();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "bitpipe compiler\n", registry));
}
