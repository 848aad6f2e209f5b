//===- ChooseSchedule.h - The schedule where options leave it open ---------===//

#ifndef BITPIPE_TOOLS_BITPIPE_OPT_CHOOSESCHEDULE_H
#define BITPIPE_TOOLS_BITPIPE_OPT_CHOOSESCHEDULE_H

#include "lib/Transforms/Schedule/Choose/Choose.h"
#include "tools/bitpipe-opt/Options.h"

#include "mlir/IR/BuiltinOps.h"

namespace bitpipe {

/// Whether --pipeline=auto leaves the schedule to be chosen.
bool choosesSchedule(const Options &options);

/// Whether costs are given; if not they are those of the stages of a model.
inline bool hasCosts(const Options &options) {
  return !options.cost.empty() || !options.costFile.empty();
}

/// The bytes of the device that needs most under a request.
using MeasureNeed = std::function<schedule::ErrorOr<double>(const schedule::Request &)>;

/// The sizes of micro-batches that are tried for a step of --batch samples: divisors of it, those that
/// --efficiency has, or the one that is given, if it is not 0.
schedule::ErrorOr<std::vector<schedule::MicrobatchSize>>
microbatchSizes(const Options &options, const schedule::Costs &costs, int given);

/// Chooses for the costs that are given, else for those of a module's stages; then each is held
/// to --memory as `need` lays it out. `module` is null where there is no model. With
/// --pipeline=auto among all, else among the families that are meant where none is named. `samples`
/// are those of a micro-batch of the model as it is; 0: there is none.
schedule::ErrorOr<schedule::Choice> chooseSchedule(const Options &options, mlir::ModuleOp module,
                                                   const MeasureNeed &need, int samples = 0);

/// The options as if a request had been asked for.
Options withRequest(Options options, const schedule::Request &request);

} // namespace bitpipe

#endif // BITPIPE_TOOLS_BITPIPE_OPT_CHOOSESCHEDULE_H
