//===- Dataset.cpp - Opening and checking data files ----------------------===//

#include "lib/Runtime/Data/Dataset.h"

#include "lib/Runtime/Data/DataFiles.h"
#include "lib/Runtime/Error.h"

#include <cstring>
#include <limits>

using namespace bitpipe;

static std::unique_ptr<Dataset> openFile(const std::string &path, const Program &program,
                                         int64_t tokenBytes) {
  std::string kind = kindOfData(path);
  if (tokenBytes && kind != ".bin")
    failUsage("--token-bytes is ", tokenBytes, ", but ", path,
              " says itself how wide its values are, expected it for .bin only");
  if (kind.empty())
    fail(path, ": error: data of unknown kind, expected ", kindsOfData);
  return kind == ".safetensors" ? openTensors(path, program)
                                : openTokens(path, program, tokenBytes);
}

std::unique_ptr<Dataset> bitpipe::openDataset(const std::string &path,
                                              const Program &program,
                                              int64_t tokenBytes, int64_t least) {
  std::vector<std::string> files = dataFiles(path);
  std::vector<std::unique_ptr<Dataset>> opened;
  for (const std::string &file : files) {
    opened.push_back(openFile(file, program, tokenBytes));
    if (files.size() > 1 && opened.back()->samples() == 0)
      fail(file, ": error: holds 0 samples, expected at least 1");
  }
  auto data = opened.size() == 1 ? std::move(opened.front())
                                 : joinDatasets(path, program, std::move(opened));
  bool isBatch = least == program.samples() * program.microbatches;
  if (data->samples() < least)
    fail(path, ": error: holds ", data->samples(), " samples, expected at least ", least,
         isBatch ? joined(": ", program.microbatches, " micro-batches of ", program.samples()) : "");
  return data;
}

void Dataset::refuse(int64_t value, int64_t first, size_t number,
                     int64_t element) const {
  const ModelInput &input = program.inputs[number];
  bool labels = int64_t(number) == program.labels;
  int64_t low = input.lowest, high = input.bound - 1;
  if (input.type.element == ElementType::Bool) {
    low = 0;
    high = 1;
  } else if (input.bound < 0) {
    low = std::numeric_limits<int32_t>::min();
    high = std::numeric_limits<int32_t>::max();
  }
  int64_t sample = first + element / elements(number);
  fail(path, ": error: ", labels ? "label " : "value ", value, " in ",
       describe(sample, number, element % elements(number)), ", expected ", low,
       " to ", high,
       labels ? " or " + std::to_string(program.ignoreIndex) : "");
}

/// Without a branch per value: a step reads many, and all are good.
template <typename Integer>
static bool allInside(const Integer *values, int64_t count, uint64_t lowest,
                      uint64_t bound, const int64_t *ignored) {
  bool outside = false;
  for (int64_t i = 0; i < count; ++i) {
    // What lies below wraps around.
    bool good = uint64_t(values[i]) - lowest < bound - lowest;
    if (ignored)
      good |= values[i] == *ignored;
    outside |= !good;
  }
  return !outside;
}

template <typename Integer>
void Dataset::check(const char *data, int64_t first, int64_t count,
                    size_t number) const {
  const ModelInput &input = program.inputs[number];
  bool isBool = input.type.element == ElementType::Bool;
  if (input.bound < 0 && !isBool)
    return;
  auto *values = reinterpret_cast<const Integer *>(data);
  uint64_t lowest = isBool ? 0 : input.lowest, bound = isBool ? 2 : input.bound;
  const int64_t *ignored =
      int64_t(number) == program.labels ? &program.ignoreIndex : nullptr;
  if (allInside(values, count, lowest, bound, ignored))
    return;
  for (int64_t i = 0; i < count; ++i)
    if (!allInside(values + i, 1, lowest, bound, ignored))
      refuse(values[i], first, number, i);
}

void Dataset::read(int64_t first, int64_t count, size_t input,
                   char *target) const {
  fetch(first, count, input, target);
  int64_t values = count * elements(input);
  switch (program.inputs[input].type.element) {
  case ElementType::I64:
    return check<int64_t>(target, first, values, input);
  case ElementType::I32:
    return check<int32_t>(target, first, values, input);
  case ElementType::Bool:
    return check<uint8_t>(target, first, values, input);
  case ElementType::F32:
    return;
  }
}
