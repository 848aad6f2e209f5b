//===- Passes.h - From stages and plan to programs -------------------------===//

#ifndef BITPIPE_TRANSFORMS_LOWER_PASSES_H
#define BITPIPE_TRANSFORMS_LOWER_PASSES_H

#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"

#include <string>

namespace bitpipe {

struct LowerOptions {
  std::string optimizer = "adamw"; // adamw, sgd or none
  std::string target = "cpu";
  int64_t memoryLimit = 0; // bytes per device, 0 for no limit
  std::string weights;     // the file to write; none is written if empty
};

/// From levels 1 and 2 to programs, kernels still as functions.
void buildLowerPipeline(mlir::OpPassManager &pm, const LowerOptions &options);

/// Nothing to attach.
inline void registerLowerExtensions(mlir::DialectRegistry &) {}

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "lib/Transforms/Lower/Passes.h.inc"

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_LOWER_PASSES_H
