//===- Training.h - The loop over steps ------------------------------------===//
//
// One step is always submitted ahead of the one that is waited for, except where
// all devices are to stand still for a checkpoint. Before a step is submitted all
// ranks tell each other what they know of it: how many labels they found, and
// whether one of them cannot go on. So all submit the same steps. A batch of an evaluation is
// submitted as a step is, and none of the training's.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_TRAIN_TRAINING_H
#define BITPIPE_RUNTIME_TRAIN_TRAINING_H

#include "lib/Runtime/Checkpoint/Checkpoints.h"
#include "lib/Runtime/Data/Feeder.h"
#include "lib/Runtime/Execute/Executor.h"
#include "lib/Runtime/Train/Agenda.h"
#include "lib/Runtime/Train/Evaluation.h"
#include "lib/Runtime/Train/Metrics.h"
#include "lib/Runtime/Train/Progress.h"
#include "lib/Runtime/Train/StopRequest.h"
#include "lib/Runtime/Train/Train.h"

namespace bitpipe {

class Training {
public:
  /// `begin` is where the training goes on; `evaluation` and `checkpoints` may be null.
  Training(const TrainOptions &options, const Program &program, World &world, Executor &executor,
           Feeder &feeder, Evaluation *evaluation, const Position &begin,
           Checkpoints *checkpoints);

  /// Trains until all steps are done, a rank is to stop, too many steps in a row
  /// were skipped, or a rank's data fails; then all devices stand still.
  void run(const StopRequest &stop);

  Outcome outcome() const;
  /// Where the training stands.
  Position position() const;
  /// Whether the training could go on from there.
  bool canGoOn() const { return !diverged() && !metBadIndex; }
  /// Of every step that was done.
  const std::vector<double> &stepSeconds() const { return seconds; }
  /// What it takes to read the data of a step, without waiting for other ranks.
  double feedSeconds() const;
  /// One line on why not all steps were done, or which were skipped; empty if
  /// there is nothing to say.
  std::string remark() const;

private:
  void submitAhead(const StopRequest &stop);
  void prepare(const Work &work, const StopRequest &stop);
  int64_t fill(const Work &work, StepInputs &inputs);
  void collect(const Work &work);
  void collectStep(const Work &work, const Judgement &judged, Nanoseconds time);
  void collectEvaluation(const Work &work, const Judgement &judged, Nanoseconds time);
  void shareFailure();
  bool diverged() const { return skippedInARow >= maxBadSteps(); }
  /// Updates within a step have been made when it turns out to be a bad one.
  int64_t maxBadSteps() const { return program.updateEvery ? 1 : options.maxBadSteps; }
  void setSeeds(StepInputs &inputs);
  int64_t done() const { return begin.step + int64_t(seconds.size()); }

  /// What a rank tells the others before a step.
  struct News {
    int64_t labels; // that it has counted
    bool ends;      // it cannot, or may not, go on
    bool failed;    // since its data is wrong
    bool saves;     // it is time for a checkpoint
  };

  const TrainOptions &options;
  const Program &program;
  World &world;
  Executor &executor;
  Feeder &feeder;
  Evaluation *evaluation;
  const Agenda agenda;
  const Position begin;
  Checkpoints *checkpoints;
  std::vector<News> news; // of the last step that was prepared, by rank
  Progress progress;
  MetricsFile metrics;
  // What the devices do is counted in this run, steps of the training over all of it.
  int64_t prepared = 0, submitted = 0, collected = 0, divisors[2] = {};
  std::optional<Work> next; // that is submitted
  bool isWhole = false;     // nothing is left to do
  int64_t skipped, skippedInARow;
  int64_t evaluated; // after so many steps the last time
  bool ends = false;        // no further step is submitted
  bool saves = false;       // before the step that is prepared
  bool timeIsOver = false;  // --stop-after
  bool failed = false;      // the data of a step are wrong on some rank
  bool metBadIndex = false; // a kernel of the last step, on some rank
  std::string failure;      // what is wrong with the data
  std::string lastWork;     // that was done, for messages
  std::vector<double> seconds, feeds; // by step
  Nanoseconds last = 0;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRAIN_TRAINING_H
