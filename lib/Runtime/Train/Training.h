//===- Training.h - The loop over steps ------------------------------------===//
//
// One step is always submitted ahead of the one that is waited for.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_TRAIN_TRAINING_H
#define BITPIPE_RUNTIME_TRAIN_TRAINING_H

#include "lib/Runtime/Data/Feeder.h"
#include "lib/Runtime/Execute/Executor.h"
#include "lib/Runtime/Train/Metrics.h"
#include "lib/Runtime/Train/Progress.h"
#include "lib/Runtime/Train/Train.h"

namespace bitpipe {

class Training {
public:
  Training(const TrainOptions &options, Executor &executor, Feeder &feeder);

  /// Trains until all steps are done, `interrupted`, too many steps in a row
  /// were skipped, or the data fails; then all devices stand still.
  void run(const std::atomic<bool> &interrupted);

  Outcome outcome() const;
  /// Of every step that was done.
  const std::vector<double> &stepSeconds() const { return seconds; }
  /// One line on why not all steps were done, or which were skipped; empty if
  /// there is nothing to say.
  std::string remark() const;

private:
  void submit(int64_t step);
  void collect(int64_t step);
  bool diverged() const { return skippedInARow >= options.maxBadSteps; }

  const TrainOptions &options;
  Executor &executor;
  Feeder &feeder;
  Progress progress;
  MetricsFile metrics;
  int64_t submitted = 0, divisors[2] = {};
  int64_t skipped = 0, skippedInARow = 0;
  bool metBadIndex = false; // in a kernel of the last step
  std::string dataFailure;  // what was wrong with the data of a step
  std::vector<double> seconds;
  Nanoseconds last = 0;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRAIN_TRAINING_H
