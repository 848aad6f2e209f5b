//===- Feeder.cpp - The inputs of each step -------------------------------===//

#include "lib/Runtime/Data/Feeder.h"

#include "lib/Runtime/ABI.h"
#include "lib/Runtime/Error.h"

#include <cstring>
#include <limits>
#include <numeric>
#include <random>

using namespace bitpipe;

static int64_t aligned(int64_t bytes) {
  return (bytes + abi::alignment - 1) / abi::alignment * abi::alignment;
}

Feeder::Feeder(const Dataset &data, const Program &program,
               std::optional<uint64_t> shuffleSeed)
    : data(data), program(program), seed(shuffleSeed) {
  int64_t size = 0;
  for (const ModelInput &input : program.inputs) {
    offsets.push_back(size);
    size += aligned(input.type.bytes()) * program.microbatches;
  }
  for (auto &buffer : buffers)
    buffer.resize(size + abi::alignment);
  if (!seed)
    return;
  if (data.samples() > std::numeric_limits<uint32_t>::max())
    fail("cannot shuffle ", data.samples(), " samples, expected below 2^32");
  order.resize(data.samples());
}

int64_t Feeder::fill(uint32_t step, StepInputs &inputs) {
  std::vector<char> &buffer = buffers[step % 2];
  char *base = reinterpret_cast<char *>(
      aligned(reinterpret_cast<intptr_t>(buffer.data())));
  int64_t samples = program.samples(), counted = 0;
  for (int64_t mb = 0; mb < program.microbatches; ++mb) {
    int64_t first = (int64_t(step) * program.microbatches + mb) * samples;
    for (size_t i = 0; i < program.inputs.size(); ++i) {
      int64_t bytes = program.inputs[i].type.bytes();
      inputs.data[i][mb] = base + offsets[i] + mb * aligned(bytes);
      for (int64_t s = 0; s < samples; ++s)
        data.read(sampleAt(first + s), i,
                  inputs.data[i][mb] + s * (bytes / samples));
    }
    if (program.labels >= 0)
      counted += countLabels(inputs.data[program.labels][mb]);
  }
  int64_t divisor = program.loss == "labels" ? counted : program.microbatches;
  // Without a label to learn from there is no loss and no gradient.
  inputs.seed = divisor ? 1.0 / double(divisor) : 0;
  return divisor;
}

int64_t Feeder::tokensPerStep() const {
  const ModelInput &input =
      program.inputs[program.labels >= 0 ? program.labels : 0];
  return input.type.elements() * program.microbatches;
}

int64_t Feeder::countLabels(const char *labels) const {
  const TensorType &type = program.inputs[program.labels].type;
  int64_t count = 0;
  for (int64_t i = 0; i < type.elements(); ++i) {
    int64_t value = 0;
    if (type.element == ElementType::I64) {
      std::memcpy(&value, labels + i * 8, 8);
    } else {
      int32_t narrow;
      std::memcpy(&narrow, labels + i * 4, 4);
      value = narrow;
    }
    count += value != program.ignoreIndex;
  }
  return count;
}

int64_t Feeder::sampleAt(int64_t position) {
  int64_t within = position % data.samples();
  if (!seed)
    return within;
  if (int64_t epoch = position / data.samples(); epoch != shuffledEpoch)
    shuffle(epoch);
  return order[within];
}

void Feeder::shuffle(int64_t epoch) {
  shuffledEpoch = epoch;
  std::mt19937_64 random(*seed * 0x9e3779b97f4a7c15u + epoch);
  std::iota(order.begin(), order.end(), 0);
  for (size_t i = order.size(); i-- > 1;)
    std::swap(order[i], order[random() % (i + 1)]);
}
