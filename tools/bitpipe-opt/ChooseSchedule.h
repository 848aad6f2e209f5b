//===- ChooseSchedule.h - The schedule of --pipeline=auto ------------------===//

#ifndef BITPIPE_TOOLS_BITPIPE_OPT_CHOOSESCHEDULE_H
#define BITPIPE_TOOLS_BITPIPE_OPT_CHOOSESCHEDULE_H

#include "lib/Transforms/Schedule/Choose/Choose.h"
#include "tools/bitpipe-opt/Options.h"

#include "mlir/IR/BuiltinOps.h"

namespace bitpipe {

/// Whether the options leave the schedule to be chosen.
bool choosesSchedule(const Options &options);

/// Whether costs are given; if not they are those of the stages of a model.
inline bool hasCosts(const Options &options) {
  return !options.cost.empty() || !options.costFile.empty();
}

/// Chooses for the costs that are given, else for those of a module's stages, with sizes
/// and --memory in bytes and `buffers` bytes on each device besides. `module` is null
/// where there is no model.
schedule::ErrorOr<schedule::Choice> chooseSchedule(const Options &options, mlir::ModuleOp module,
                                                   double buffers);

/// The options as if the first one of a choice had been asked for.
Options withChosen(Options options, const schedule::Choice &choice);

} // namespace bitpipe

#endif // BITPIPE_TOOLS_BITPIPE_OPT_CHOOSESCHEDULE_H
