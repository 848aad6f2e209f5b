//===- Evaluation.h - The loss of data that are not trained on ---------------===//
//
// A plan computes whole steps, so a batch of an evaluation is a step whose updates are
// skipped, as of one that is not finite.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_TRAIN_EVALUATION_H
#define BITPIPE_RUNTIME_TRAIN_EVALUATION_H

#include "lib/Runtime/Data/Feeder.h"
#include "lib/Runtime/Execute/Clock.h"
#include "lib/Runtime/Execute/Judge.h"
#include "lib/Runtime/Train/Metrics.h"
#include "lib/Runtime/Train/Train.h"

namespace bitpipe {

class Evaluation {
public:
  /// Opens the data. Throws a UserError if they are not what the model takes, or too few.
  Evaluation(const TrainOptions &options, const Program &program, const World &world);

  int64_t batches() const { return count; }
  const std::string &path() const { return options.data; }
  /// Says what an evaluation is.
  void tell() const;

  /// Prepares a batch as a step. Gives how many labels that count this rank has found.
  int64_t fill(int64_t batch, StepInputs &inputs);
  /// Takes in what a batch came to, in their order, what its losses are divided by, and how
  /// long it took.
  void add(int64_t batch, const Judgement &judged, int64_t divisor, Nanoseconds time);
  /// When all batches are in.
  EvaluationMetrics result(int64_t step) const;

private:
  const EvaluationOptions &options;
  const Program &program;
  const uint64_t seed;
  std::unique_ptr<Dataset> data;
  std::optional<Feeder> feeder;
  int64_t count = 0, samples = 0; // of an evaluation: batches, and samples in them
  double lossSum = 0, divided = 0;
  Nanoseconds time = 0;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRAIN_EVALUATION_H
