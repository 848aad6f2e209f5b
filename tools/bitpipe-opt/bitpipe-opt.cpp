//===- bitpipe-opt.cpp - The compiler --------------------------------------===//
//
// Compiles a model into a plan; with pass options (--pipe-...) an ordinary MLIR
// opt driver.
//
//===----------------------------------------------------------------------===//

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Files/Process.h"
#include "lib/Files/Temporaries.h"
#include "tools/bitpipe-opt/Arguments.h"
#include "tools/bitpipe-opt/Driver.h"
#include "tools/bitpipe-opt/PassDriver.h"
#include "tools/bitpipe-opt/Phases.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/raw_ostream.h"

#include <csignal>
#include <cstdlib>
#include <new>
#include <unistd.h>

/// Nothing can be relied on any more but the system.
[[noreturn]] static void endWith(llvm::StringRef message) {
  constexpr llvm::StringLiteral before = "bitpipe-opt: error: ";
  (void)!write(STDERR_FILENO, before.data(), before.size());
  (void)!write(STDERR_FILENO, message.data(), message.size());
  (void)!write(STDERR_FILENO, "\n", 1);
  bitpipe::removeTemporaries();
  _exit(1);
}

/// Whatever ends this process, it leaves no half of a file.
static void prepare() {
  bitpipe::prepareForFiles();
  bitpipe::removeTemporariesOnSignals();
  // What is written to a pipe that nobody reads fails like any other write.
  std::signal(SIGPIPE, SIG_IGN);
  std::set_new_handler([] { endWith("out of memory"); });
  llvm::install_bad_alloc_error_handler(
      [](void *, const char *, bool) { endWith("out of memory"); });
  llvm::install_fatal_error_handler(
      [](void *, const char *reason, bool) { endWith(reason); });
  // Nobody can be told that standard error is gone, and nobody reads on behind
  // `--help | head`. LLVM would make both fatal.
  (void)llvm::errs(), (void)llvm::outs();
  std::atexit([] {
    llvm::errs().clear_error();
    llvm::outs().flush();
    llvm::outs().clear_error();
  });
}

int main(int argc, char **argv) {
  prepare();
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
  if (bitpipe::listsPasses(argc, argv)) // ours only: MLIR's are not registered yet
    return 0;
  mlir::registerAllPasses();
  bitpipe::checkArguments(argc, argv);
  if (bitpipe::asksToCompile(argc, argv))
    return bitpipe::compile(bitpipe::parseOptions(argc, argv), registry);
  return bitpipe::runPasses(argc, argv, registry);
}
