//===- Feeder.h - The inputs of each step ---------------------------------===//
//
// Copies the samples of a step into memory that the devices read, with one
// set of buffers per step in flight, and counts what the loss is divided by.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_DATA_FEEDER_H
#define BITPIPE_RUNTIME_DATA_FEEDER_H

#include "lib/Runtime/Data/Dataset.h"
#include "lib/Runtime/Execute/DeviceRunner.h"

#include <optional>

namespace bitpipe {

class Feeder {
public:
  /// With a seed, samples come in a new random order in every epoch.
  Feeder(const Dataset &data, const Program &program,
         std::optional<uint64_t> shuffleSeed);

  /// Fills the inputs of a step; steps come in order. Returns what the sum of
  /// losses is divided by. Throws a UserError if the data are not, or no longer,
  /// what the model takes; the steps before are not affected.
  int64_t fill(uint32_t step, StepInputs &inputs);

  /// Positions in the sequences of one step, for tokens per second.
  int64_t tokensPerStep() const;

private:
  void readMicrobatch(int64_t first, size_t input, char *target);
  void warnOfCopies(const StepInputs &inputs) const;
  int64_t sampleAt(int64_t position);
  void shuffle(int64_t epoch);
  int64_t countLabels(const char *labels) const;
  int64_t valueAt(size_t input, const char *data, int64_t i) const;

  const Dataset &data;
  const Program &program;
  std::vector<char> buffers[2];
  std::vector<int64_t> offsets; // of every input's micro-batch 0 in a buffer
  std::optional<uint64_t> seed;
  std::vector<uint32_t> order; // of the epoch, if shuffled
  int64_t shuffledEpoch = -1;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_DATA_FEEDER_H
