//===- Training.h - The loop over steps ------------------------------------===//
//
// One step is always submitted ahead of the one that is waited for. Before a step is
// submitted all ranks tell each other what they know of it: how many labels they
// found, and whether one of them cannot go on. So all submit the same steps.
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
  Training(const TrainOptions &options, World &world, Executor &executor,
           Feeder &feeder);

  /// Trains until all steps are done, a rank was `interrupted`, too many steps in a
  /// row were skipped, or a rank's data fails; then all devices stand still.
  void run(const std::atomic<bool> &interrupted);

  Outcome outcome() const;
  /// Of every step that was done.
  const std::vector<double> &stepSeconds() const { return seconds; }
  /// One line on why not all steps were done, or which were skipped; empty if
  /// there is nothing to say.
  std::string remark() const;

private:
  void submit(int64_t step, bool interrupted);
  void collect(int64_t step);
  void shareFailure();
  bool diverged() const { return skippedInARow >= options.maxBadSteps; }

  /// What a rank tells the others before a step.
  struct News {
    int64_t labels; // that it has counted
    bool ends;      // it cannot, or may not, go on
    bool failed;    // since its data is wrong
  };

  const TrainOptions &options;
  World &world;
  Executor &executor;
  Feeder &feeder;
  std::vector<News> news; // of the last step that was submitted, by rank
  Progress progress;
  MetricsFile metrics;
  int64_t submitted = 0, divisors[2] = {};
  int64_t skipped = 0, skippedInARow = 0;
  bool ends = false;        // no further step is submitted
  bool failed = false;      // the data of a step are wrong on some rank
  bool metBadIndex = false; // a kernel of the last step, on some rank
  std::string failure;      // what is wrong with the data
  std::vector<double> seconds;
  Nanoseconds last = 0;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRAIN_TRAINING_H
