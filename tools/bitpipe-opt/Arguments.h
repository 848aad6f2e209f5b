//===- Arguments.h - What is asked of the tool as a whole ------------------===//
//
// bitpipe-opt compiles, or it is an ordinary MLIR opt driver. Which of the two,
// and what both have in common, is found here before any option is parsed.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TOOLS_BITPIPE_OPT_ARGUMENTS_H
#define BITPIPE_TOOLS_BITPIPE_OPT_ARGUMENTS_H

#include "tools/bitpipe-opt/BadUsage.h"

#include "llvm/Support/CommandLine.h"

namespace bitpipe {

/// Refuses an option of the compiler beside a pass, and an option with an empty
/// value, which is mostly a variable of a shell that is not set.
void checkArguments(int argc, char **argv);

/// Prints the passes of this project, and returns true, if --help-passes asks
/// for them.
bool listsPasses(int argc, char **argv);

/// MLIR's own options (--mlir-print-ir-after-all, --mlir-timing ...), and the
/// text of --version.
void registerCommonOptions();

/// Reads a number; a bad one is bad usage, in one line that names the option.
template <typename T> class NumberParser : public llvm::cl::parser<T> {
public:
  using llvm::cl::parser<T>::parser;

  bool parse(llvm::cl::Option &, llvm::StringRef name, llvm::StringRef text, T &value) {
    bool bad;
    if constexpr (std::is_integral_v<T>)
      bad = text.getAsInteger(10, value);
    else
      bad = text.getAsDouble(value);
    if (bad)
      badUsage("--" + name + " is '" + text + "', expected a " +
               (std::is_integral_v<T> ? "whole number" : "number"));
    return false;
  }
};

template <typename T>
using NumberOption = llvm::cl::opt<T, /*ExternalStorage=*/false, NumberParser<T>>;

} // namespace bitpipe

#endif // BITPIPE_TOOLS_BITPIPE_OPT_ARGUMENTS_H
