//===- ChooseOffload.h - How many activations stay, to fit in memory -------===//

#ifndef BITPIPE_TOOLS_BITPIPE_OPT_CHOOSEOFFLOAD_H
#define BITPIPE_TOOLS_BITPIPE_OPT_CHOOSEOFFLOAD_H

#include "tools/bitpipe-opt/Options.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace bitpipe {

/// The bytes that each device needs where it holds so many activations at most and its
/// host the others; all of them for 0. Fails with a message.
using MeasureOffload = llvm::function_ref<mlir::FailureOr<std::vector<int64_t>>(double most)>;

/// What --offload=auto is for a module with stages: the greatest whole number of activations
/// with which each device fits --memory, as measured, or 0 where all of them do. Says so on
/// one line. Fails with what is needed where not even the least number fits.
mlir::FailureOr<double> chooseOffload(const Options &options, mlir::ModuleOp module,
                                      MeasureOffload measure);

} // namespace bitpipe

#endif // BITPIPE_TOOLS_BITPIPE_OPT_CHOOSEOFFLOAD_H
