//===- Driver.cpp - From a model to a plan ---------------------------------===//

#include "tools/bitpipe-opt/Driver.h"

#include "lib/Files/Error.h"
#include "tools/bitpipe-opt/Compilation.h"
#include "tools/bitpipe-opt/Diagnostics.h"

using namespace mlir;

namespace bitpipe {

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
