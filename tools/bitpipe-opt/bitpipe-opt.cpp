//===- bitpipe-opt.cpp - The compiler --------------------------------------===//
//
// Compiles a model into a plan; with pass options (--pipe-...) an ordinary MLIR
// opt driver.
//
//===----------------------------------------------------------------------===//

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "tools/bitpipe-opt/Driver.h"
#include "tools/bitpipe-opt/Phases.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::registerAllToLLVMIRTranslations(registry);
  registry.insert<bitpipe::pipe::PipeDialect>();
#define REGISTER(Phase)                                                        \
  bitpipe::register##Phase##Passes();                                          \
  bitpipe::register##Phase##Extensions(registry);
  BITPIPE_PHASES(REGISTER)
#undef REGISTER
  if (bitpipe::asksToCompile(argc, argv))
    return bitpipe::compile(bitpipe::parseOptions(argc, argv), registry);
  mlir::registerAllPasses();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "bitpipe compiler\n", registry));
}
