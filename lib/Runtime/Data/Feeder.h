//===- Feeder.h - The inputs of each step ---------------------------------===//
//
// Copies the samples of a step into memory that the devices of this process read,
// with one set of buffers per step in flight. What the loss is divided by follows
// from all labels: each is counted by one rank, of those whose devices read it.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_DATA_FEEDER_H
#define BITPIPE_RUNTIME_DATA_FEEDER_H

#include "lib/Runtime/Data/Dataset.h"
#include "lib/Runtime/Execute/StepInputs.h"
#include "lib/Runtime/Launch/Share.h"

#include <optional>

namespace bitpipe {

/// Which samples come when.
struct FeedOrder {
  std::optional<uint64_t> seed = {}; // of a new random order in every epoch; none: in order
  int64_t begin = 0;                 // how many were taken before
  std::optional<int64_t> end = {};   // labels of what comes after so many do not count
  bool warns = true;                 // about what the first step shows
};

class Feeder {
public:
  Feeder(const Dataset &data, const Program &program, const World &world,
         const FeedOrder &order);

  /// Fills the inputs of a step of this run; steps come in order. Returns how many labels that
  /// count this rank has found: those of all ranks give the divisor. Throws a
  /// UserError if the data are not, or no longer, what the model takes; the steps
  /// before are not affected.
  int64_t fill(int64_t step, StepInputs &inputs);

  /// Of the step that was filled last, those of each micro-batch.
  const std::vector<int64_t> &labels() const { return labelCounts; }

  /// What the sum of losses of so many micro-batches is divided by, given the labels of all
  /// ranks.
  int64_t divisorOf(int64_t labels, int64_t microbatches) const {
    return program.loss == "labels"         ? labels
           : program.loss == "microbatches" ? microbatches
                                            : 1;
  }
  /// What the sum of losses is divided by, given the labels of all ranks; sets the
  /// gradient that follows from it.
  int64_t setDivisor(int64_t labels, StepInputs &inputs) const;

  /// Samples that a step takes from the data.
  int64_t samplesPerStep() const {
    return program.samples() * program.microbatches;
  }
  /// Positions in the sequences of one step, for tokens per second.
  int64_t tokensPerStep() const;

private:
  void findInputs(const World &world);
  void placeInputs();
  void readMicrobatch(int64_t first, size_t input, char *target);
  void warnOfCopies();
  std::vector<char> readStep(size_t input);
  int64_t sampleAt(int64_t position);
  void shuffle(int64_t epoch);
  int64_t countLabels(const char *labels) const;
  void ignoreLabels(int64_t first, char *labels) const;
  int64_t valueAt(size_t input, const char *data, int64_t i) const;

  const Dataset &data;
  const Program &program;
  const bool warns; // about the first step
  const int64_t begin;
  const std::optional<int64_t> end;
  std::vector<char> buffers[2];
  /// Of every input's micro-batches in a buffer, -1 if none of this process's
  /// devices reads it.
  std::vector<std::vector<int64_t>> offsets;
  std::vector<bool> counts; // by micro-batch: whether its labels count here
  std::vector<int64_t> labelCounts; // by micro-batch, of the last step
  std::optional<uint64_t> seed;
  std::vector<uint32_t> order; // of the epoch, if shuffled
  int64_t shuffledEpoch = -1;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_DATA_FEEDER_H
