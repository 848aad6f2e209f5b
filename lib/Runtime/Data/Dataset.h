//===- Dataset.h - Samples to train on ------------------------------------===//
//
// A data file, or several, seen as numbered samples of every model input.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_DATA_DATASET_H
#define BITPIPE_RUNTIME_DATA_DATASET_H

#include "lib/Runtime/Plan/Program.h"

#include <memory>

namespace bitpipe {

class Dataset {
public:
  virtual ~Dataset() = default;

  virtual int64_t samples() const = 0;

  /// Writes `count` consecutive samples of a model input, in the input's own
  /// element type. Throws a UserError if a value is none that the model takes.
  void read(int64_t first, int64_t count, size_t input, char *target) const;

  /// Throws a UserError if the file was written to since it was opened.
  virtual void checkUnchanged() const = 0;

protected:
  Dataset(const std::string &path, const Program &program)
      : path(path), program(program) {}

  /// Writes the samples; all are there.
  virtual void fetch(int64_t first, int64_t count, size_t input,
                     char *target) const = 0;

  /// How a message names the place of an element of a sample.
  virtual std::string describe(int64_t sample, size_t input,
                               int64_t element) const = 0;

  /// Elements of one sample.
  int64_t elements(size_t input) const {
    return program.inputs[input].type.elements() / program.samples();
  }

  /// Throws a UserError that names a value and what was expected there; the
  /// element is counted from that of sample `first`.
  [[noreturn]] void refuse(int64_t value, int64_t first, size_t input,
                           int64_t element) const;

  const std::string path;
  const Program &program;

private:
  template <typename Integer>
  void check(const char *values, int64_t first, int64_t count,
             size_t input) const;
};

/// Opens a file, or all of a folder or a pattern (DataFiles.h), by the ending of its name and
/// checks it against the model's inputs. `tokenBytes` is the width of the tokens in a .bin, 0 if not given; `least` is how
/// many samples it has to hold.
std::unique_ptr<Dataset> openDataset(const std::string &path, const Program &program,
                                     int64_t tokenBytes, int64_t least);

/// The samples of several, of which none is empty, one after the other.
std::unique_ptr<Dataset> joinDatasets(const std::string &path, const Program &program,
                                      std::vector<std::unique_ptr<Dataset>> files);

/// One tensor per model input, samples along axis 0 (.safetensors).
std::unique_ptr<Dataset> openTensors(const std::string &path,
                                     const Program &program);

/// A stream of token ids, cut into sequences (.npy, .bin, .txt).
std::unique_ptr<Dataset> openTokens(const std::string &path,
                                    const Program &program, int64_t tokenBytes);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_DATA_DATASET_H
