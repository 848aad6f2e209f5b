//===- ChooseReplicas.h - What --stage-replicas=auto is --------------------===//

#ifndef BITPIPE_TOOLS_BITPIPE_OPT_CHOOSEREPLICAS_H
#define BITPIPE_TOOLS_BITPIPE_OPT_CHOOSEREPLICAS_H

#include "lib/Transforms/Schedule/Core/Costs.h"
#include "tools/bitpipe-opt/Options.h"

#include "mlir/IR/BuiltinOps.h"

namespace bitpipe {

struct ChosenReplicas {
  std::vector<int> replicas;
  std::vector<int64_t> begins; // the first node of each stage
  schedule::Costs costs;       // of these stages
  std::string text;            // one line
};

/// Divides a module with its loss as PipeDream does, for the links of the file of costs. Sums are
/// counted as the step has them, one of all micro-batches. Fails with an error that was emitted.
mlir::FailureOr<ChosenReplicas> chooseReplicas(const Options &options, mlir::ModuleOp module);

} // namespace bitpipe

#endif // BITPIPE_TOOLS_BITPIPE_OPT_CHOOSEREPLICAS_H
