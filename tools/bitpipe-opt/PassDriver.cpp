//===- PassDriver.cpp - An ordinary MLIR opt driver ------------------------===//

#include "tools/bitpipe-opt/PassDriver.h"

#include "lib/Files/Error.h"
#include "tools/bitpipe-opt/BadUsage.h"
#include "tools/bitpipe-opt/Output.h"

#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace bitpipe {

/// As MLIR's own main does it, but for what becomes of the output: a file is
/// written by us, and no handlers for signals replace ours.
static int runOnFile(const std::string &input, const std::string &output,
                     bool force, DialectRegistry &registry,
                     const MlirOptMainConfig &config) {
  std::string message, text;
  auto buffer = openInputFile(input, &message);
  if (!buffer) {
    llvm::errs() << "bitpipe-opt: error: " << message << "\n";
    return 1;
  }
  llvm::raw_string_ostream stream(text);
  LogicalResult done = MlirOptMain(stream, std::move(buffer), registry, config);
  // A stream also shows how far it came (--split-input-file).
  bool bytecode = config.shouldEmitBytecode(); // has no place for a mark
  if (succeeded(done) || isStream(output))
    writeText(output, bytecode ? FileKind::Unmarked : FileKind::IR, text, force);
  return asMainReturnCode(done);
}

/// MLIR's parser would say so in lines of its own, with the next best of its options.
static void refuseUnknown(int argc, char **argv) {
  const auto &known = llvm::cl::getRegisteredOptions();
  for (llvm::StringRef argument : llvm::ArrayRef(argv + 1, argc - 1)) {
    llvm::StringRef name = argument.ltrim('-').split('=').first;
    if (argument == "--")
      return;
    // -o is registered where it is parsed, and a number may be another option's value.
    if (argument.starts_with("-") && !name.empty() && !llvm::isDigit(name.front()) &&
        name != "o" && !known.contains(name))
      badUsage("Unknown command line argument '" + argument + "'.  Try: 'bitpipe-opt --help'");
  }
}

int runPasses(int argc, char **argv, DialectRegistry &registry) {
  llvm::cl::opt<bool> force("force", llvm::cl::desc("replace a file that bitpipe did not write"));
  std::string header = registerCLIOptions("bitpipe compiler\n", registry);
  refuseUnknown(argc, argv);
  auto [input, output] = parseCLIOptions(argc, argv, header);
  auto config = MlirOptMainConfig::createFromCLOptions();
  if (config.shouldShowDialects() || config.shouldListPasses())
    return asMainReturnCode(MlirOptMain(argc, argv, input, output, registry));
  try {
    return runOnFile(input, output, force, registry, config);
  } catch (const WriteError &error) {
    llvm::errs() << error.what() << "\n";
    return 1;
  }
}

} // namespace bitpipe
