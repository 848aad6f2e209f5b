//===- Dataset.cpp - Opening and checking data files ----------------------===//

#include "lib/Runtime/Data/Dataset.h"

#include "lib/Runtime/Error.h"

#include <algorithm>
#include <cstring>

using namespace bitpipe;

std::unique_ptr<Dataset> bitpipe::openDataset(const std::string &path,
                                              const Program &program) {
  std::unique_ptr<Dataset> data;
  if (path.ends_with(".safetensors"))
    data = openTensors(path, program);
  else if (path.ends_with(".npy") || path.ends_with(".bin") ||
           path.ends_with(".txt"))
    data = openTokens(path, program);
  else
    fail(path, ": error: data of unknown kind, expected .safetensors, .npy, "
               ".bin or .txt");
  int64_t batch = program.samples() * program.microbatches;
  if (data->samples() < batch)
    fail(path, ": error: holds ", data->samples(), " samples, expected at least ",
         batch, ": ", program.microbatches, " micro-batches of ",
         program.samples());
  return data;
}

/// The value outside of [0, bound) that is not `ignored`, if there is one.
template <typename Integer>
static const Integer *findOutside(const Integer *values, int64_t count,
                                  int64_t bound, const int64_t *ignored) {
  for (int64_t i = 0; i < count; ++i)
    if ((values[i] < 0 || values[i] >= bound) &&
        !(ignored && values[i] == *ignored))
      return values + i;
  return nullptr;
}

void bitpipe::checkValues(const Dataset &data, const Program &program,
                          const std::string &path, int64_t used) {
  for (size_t i = 0; i < program.inputs.size(); ++i) {
    const ModelInput &input = program.inputs[i];
    bool labels = int64_t(i) == program.labels;
    int64_t count = input.type.elements() / program.samples();
    bool wide = input.type.element == ElementType::I64;
    if (input.bound < 0 || (!wide && input.type.element != ElementType::I32))
      continue;
    std::vector<int64_t> buffer(count); // large enough and aligned for either
    const int64_t *ignored = labels ? &program.ignoreIndex : nullptr;
    for (int64_t sample = 0; sample < std::min(used, data.samples()); ++sample) {
      data.read(sample, i, reinterpret_cast<char *>(buffer.data()));
      auto *narrow = reinterpret_cast<const int32_t *>(buffer.data());
      const int64_t *found64 =
          wide ? findOutside(buffer.data(), count, input.bound, ignored)
               : nullptr;
      const int32_t *found32 =
          wide ? nullptr : findOutside(narrow, count, input.bound, ignored);
      if (found64 || found32)
        fail(path, ": error: ", labels ? "label " : "value ",
             found64 ? *found64 : *found32, " in ", data.describe(sample, i),
             ", expected 0 to ", input.bound - 1,
             labels ? " or " + std::to_string(program.ignoreIndex) : "");
    }
  }
}
