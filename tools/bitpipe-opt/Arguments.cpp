//===- Arguments.cpp - What is asked of the tool as a whole ----------------===//

#include "tools/bitpipe-opt/Arguments.h"

#include "lib/Version/Version.h"
#include "tools/bitpipe-opt/Options.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Support/Timing.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace bitpipe {

/// "--name" of "--name=value"; empty if it is no option.
static StringRef optionName(StringRef argument) {
  return argument.starts_with("-") ? argument.ltrim('-').split('=').first : "";
}

static bool isPass(StringRef argument) {
  StringRef name = optionName(argument);
  return name == "pass-pipeline" ||
         (!name.empty() && (mlir::PassInfo::lookup(name) || mlir::PassPipelineInfo::lookup(name)));
}

void checkArguments(int argc, char **argv) {
  StringRef compiler, pass;
  for (StringRef argument : ArrayRef(argv + 1, argc - 1)) {
    if (argument.empty())
      badUsage("an argument is empty, expected a value or nothing at all");
    if (!optionName(argument).empty() && argument.ends_with("=") && argument.count('=') == 1)
      badUsage(argument.drop_back() + " is empty, expected a value");
    if (compiler.empty() && isCompilerArgument(argument))
      compiler = argument;
    if (pass.empty() && isPass(argument))
      pass = argument;
  }
  if (!compiler.empty() && !pass.empty())
    badUsage("both '" + compiler + "' and '" + pass + "' are given, expected options of the compiler, "
             "or passes on IR (see --help and --help-passes)");
}

bool listsPasses(int argc, char **argv) {
  for (StringRef argument : ArrayRef(argv + 1, argc - 1))
    if (optionName(argument) == "help-passes") {
      mlir::printRegisteredPasses();
      return true;
    }
  return false;
}

void registerCommonOptions() {
  mlir::registerAsmPrinterCLOptions();
  mlir::registerMLIRContextCLOptions();
  mlir::registerPassManagerCLOptions();
  mlir::registerDefaultTimingManagerCLOptions();
  cl::SetVersionPrinter([](raw_ostream &out) { out << versionText(); });
}

} // namespace bitpipe
