//===- NoData.h - Samples for devices that do not compute -----------------===//

#ifndef BITPIPE_RUNTIME_DATA_NODATA_H
#define BITPIPE_RUNTIME_DATA_NODATA_H

#include "lib/Runtime/Data/Dataset.h"

#include <algorithm>
#include <cstring>

namespace bitpipe {

/// One batch of zeros whose labels all are to be ignored.
class NoData final : public Dataset {
public:
  explicit NoData(const Program &program) : Dataset("no data", program) {}

  int64_t samples() const override {
    return program.samples() * program.microbatches;
  }
  void checkUnchanged() const override {}

private:
  void fetch(int64_t, int64_t count, size_t input, char *target) const override {
    ElementType type = program.inputs[input].type.element;
    int64_t values = count * elements(input);
    if (int64_t(input) != program.labels)
      std::memset(target, 0, values * sizeOf(type));
    else if (type == ElementType::I64)
      std::fill_n(reinterpret_cast<int64_t *>(target), values, program.ignoreIndex);
    else
      std::fill_n(reinterpret_cast<int32_t *>(target), values,
                  int32_t(program.ignoreIndex));
  }
  std::string describe(int64_t, size_t, int64_t) const override { return path; }
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_DATA_NODATA_H
