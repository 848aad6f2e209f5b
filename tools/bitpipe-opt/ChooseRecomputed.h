//===- ChooseRecomputed.h - Which stages recompute, to fit in memory -------===//

#ifndef BITPIPE_TOOLS_BITPIPE_OPT_CHOOSERECOMPUTED_H
#define BITPIPE_TOOLS_BITPIPE_OPT_CHOOSERECOMPUTED_H

#include "tools/bitpipe-opt/Options.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace bitpipe {

/// The bytes that each device needs in the order of a file. Fails with a message.
using MeasureMemory =
    llvm::function_ref<mlir::FailureOr<std::vector<int64_t>>(llvm::StringRef order)>;

/// What --recompute=auto is for a module with stages: the stages of which recomputing
/// makes the iteration longest by least, as simulated, while each device fits --memory, as
/// measured. Prints them on one line. Fails with what is needed where not even all do.
mlir::FailureOr<std::string> chooseRecomputed(const Options &options,
                                              mlir::ModuleOp module,
                                              MeasureMemory measure);

} // namespace bitpipe

#endif // BITPIPE_TOOLS_BITPIPE_OPT_CHOOSERECOMPUTED_H
