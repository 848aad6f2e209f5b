//===- Dataset.h - Samples to train on ------------------------------------===//
//
// A data file seen as numbered samples of every model input.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_DATA_DATASET_H
#define BITPIPE_RUNTIME_DATA_DATASET_H

#include "lib/Runtime/Program.h"

#include <memory>

namespace bitpipe {

class Dataset {
public:
  virtual ~Dataset() = default;

  virtual int64_t samples() const = 0;

  /// Writes one sample of a model input, in the input's own element type.
  virtual void read(int64_t sample, size_t input, char *target) const = 0;

  /// How a message names the place of a value.
  virtual std::string describe(int64_t sample, size_t input) const = 0;
};

/// Opens a file by the ending of its name and checks it against the model's
/// inputs.
std::unique_ptr<Dataset> openDataset(const std::string &path,
                                     const Program &program);

/// One tensor per model input, samples along axis 0 (.safetensors).
std::unique_ptr<Dataset> openTensors(const std::string &path,
                                     const Program &program);

/// A stream of token ids, cut into sequences (.npy, .bin, .txt).
std::unique_ptr<Dataset> openTokens(const std::string &path,
                                    const Program &program);

/// Checks that the values of the first `used` samples are within the model's
/// bounds.
void checkValues(const Dataset &data, const Program &program,
                 const std::string &path, int64_t used);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_DATA_DATASET_H
