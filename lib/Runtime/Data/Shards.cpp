//===- Shards.cpp - Several files as one set of data -------------------------===//
//
// Their samples follow each other; none is of two files.
//
//===----------------------------------------------------------------------===//

#include "lib/Runtime/Data/Dataset.h"

#include <algorithm>

using namespace bitpipe;

namespace {

class Shards final : public Dataset {
public:
  Shards(const std::string &path, const Program &program,
         std::vector<std::unique_ptr<Dataset>> files)
      : Dataset(path, program), files(std::move(files)) {
    for (auto &file : this->files)
      ends.push_back(samples() + file->samples());
  }

  int64_t samples() const override { return ends.empty() ? 0 : ends.back(); }

  void checkUnchanged() const override {
    for (auto &file : files)
      file->checkUnchanged();
  }

protected:
  /// Each file says what is wrong with a value of its own.
  void fetch(int64_t first, int64_t count, size_t input, char *target) const override {
    int64_t bytes = program.inputs[input].type.bytes() / program.samples();
    while (count > 0) {
      size_t file = fileOf(first);
      int64_t part = std::min(count, ends[file] - first);
      files[file]->read(first - beginOf(file), part, input, target);
      first += part, count -= part, target += part * bytes;
    }
  }

  std::string describe(int64_t sample, size_t, int64_t) const override {
    return "sample " + std::to_string(sample);
  }

private:
  size_t fileOf(int64_t sample) const {
    return size_t(std::ranges::upper_bound(ends, sample) - ends.begin());
  }
  int64_t beginOf(size_t file) const { return file ? ends[file - 1] : 0; }

  std::vector<std::unique_ptr<Dataset>> files;
  std::vector<int64_t> ends; // of each file's samples
};

} // namespace

std::unique_ptr<Dataset> bitpipe::joinDatasets(const std::string &path, const Program &program,
                                               std::vector<std::unique_ptr<Dataset>> files) {
  return std::make_unique<Shards>(path, program, std::move(files));
}
