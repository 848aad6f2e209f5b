//===- Output.h - Where the compiler's results go --------------------------===//
//
// Everything here throws a WriteError if a file cannot be written.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TOOLS_BITPIPE_OPT_OUTPUT_H
#define BITPIPE_TOOLS_BITPIPE_OPT_OUTPUT_H

#include "lib/Files/WrittenBy.h"

#include "llvm/ADT/StringRef.h"

#include <string>

namespace bitpipe {

/// The files of a plan: -o run.mlir, or -o run, are run.weights.safetensors and
/// run.kernels.so too; kernels of a GPU end in `kernelsEnd` ptx. Nothing but a final .mlir is cut off, so that run.v1 and
/// run.v2 are two plans.
struct PlanPaths {
  PlanPaths(llvm::StringRef output, llvm::StringRef kernelsEnd);
  std::string plan, weights, kernels;
};

/// Whether what is written there goes out as it comes: standard output ("-"),
/// a device, a pipe.
bool isStream(llvm::StringRef path);

/// Writes `text`, to a file as a whole or not at all. IR and pictures begin with
/// their mark (see WrittenBy.h) in a file only. A file that is there is replaced
/// if it is of the same kind and bitpipe's own, if it is to hold what it holds
/// already, or by `force`.
void writeText(llvm::StringRef path, FileKind kind, llvm::StringRef text, bool force);

} // namespace bitpipe

#endif // BITPIPE_TOOLS_BITPIPE_OPT_OUTPUT_H
