//===- Account.h - What a run tells when it has ended ----------------------===//

#ifndef BITPIPE_RUNTIME_TRAIN_ACCOUNT_H
#define BITPIPE_RUNTIME_TRAIN_ACCOUNT_H

#include "lib/Runtime/Train/Train.h"
#include "lib/Runtime/Train/Training.h"
#include "lib/Transforms/Schedule/Core/Costs.h"

#include <optional>

namespace bitpipe {

/// A run whose devices stand still.
struct EndedRun {
  const TrainOptions &options;
  const Program &program;
  const Links &links;
  const Executor &executor;
  const Training &training;
  int64_t tokensPerStep;
  /// What the run was told to expect, if anything.
  const std::optional<schedule::Costs> &costs;
};

/// Costs from the file that options name, if they do, checked against the program.
/// Throws a UserError if the file is wrong.
std::optional<schedule::Costs> givenCosts(const TrainOptions &options,
                                          const Program &program);

/// Writes trace and profile and prints the table. All ranks call it, rank 0 speaks.
/// What cannot be written is a warning.
void giveAccount(const EndedRun &run, World &world);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRAIN_ACCOUNT_H
