//===- Feeder.cpp - The inputs of each step -------------------------------===//

#include "lib/Runtime/Data/Feeder.h"

#include "lib/Runtime/ABI.h"
#include "lib/Runtime/Error.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>

using namespace bitpipe;

static int64_t aligned(int64_t bytes) {
  return (bytes + abi::alignment - 1) / abi::alignment * abi::alignment;
}

Feeder::Feeder(const Dataset &data, const Program &program, const World &world,
               const FeedOrder &order)
    : data(data), program(program), warns(order.warns && world.speaks()), begin(order.begin),
      end(order.end), seed(order.seed) {
  findInputs(world);
  placeInputs();
  if (!seed)
    return;
  if (data.samples() > std::numeric_limits<uint32_t>::max())
    fail("cannot shuffle ", data.samples(), " samples, expected below 2^32");
  this->order.resize(data.samples());
}

/// Marks what devices of this process read with offset 0. Labels are counted by
/// the lowest device that reads them.
void Feeder::findInputs(const World &world) {
  Share share = shareOf(world, program.devices.size());
  offsets.assign(program.inputs.size(),
                 std::vector<int64_t>(program.microbatches, -1));
  counts.resize(program.microbatches);
  labelCounts.resize(program.microbatches);
  std::vector<bool> counted(program.microbatches);
  for (size_t d = 0; d < program.devices.size(); ++d)
    for (const Slot &slot : program.devices[d].slots) {
      if (slot.source != SlotSource::Input)
        continue;
      bool mine = share.holds(d);
      if (mine)
        offsets[slot.input][slot.microbatch] = 0;
      if (slot.input != program.labels || counted[slot.microbatch])
        continue;
      counted[slot.microbatch] = true;
      counts[slot.microbatch] = mine;
    }
}

void Feeder::placeInputs() {
  int64_t size = 0;
  for (size_t i = 0; i < offsets.size(); ++i)
    for (int64_t &offset : offsets[i])
      if (offset >= 0) {
        offset = size;
        size += aligned(program.inputs[i].type.bytes());
      }
  for (auto &buffer : buffers)
    buffer.resize(size + abi::alignment);
}

int64_t Feeder::fill(int64_t step, StepInputs &inputs) {
  std::vector<char> &buffer = buffers[step % 2];
  char *base = reinterpret_cast<char *>(
      aligned(reinterpret_cast<intptr_t>(buffer.data())));
  int64_t labels = 0;
  data.checkUnchanged();
  for (int64_t mb = 0; mb < program.microbatches; ++mb) {
    int64_t first =
        begin + step * samplesPerStep() + mb * program.samples();
    for (size_t i = 0; i < program.inputs.size(); ++i) {
      if (offsets[i][mb] < 0)
        continue;
      inputs.data[i][mb] = base + offsets[i][mb];
      readMicrobatch(first, i, inputs.data[i][mb]);
      if (int64_t(i) == program.labels && end)
        ignoreLabels(first, inputs.data[i][mb]);
    }
    labelCounts[mb] = counts[mb] ? countLabels(inputs.data[program.labels][mb]) : 0;
    labels += labelCounts[mb];
  }
  if (step == 0 && warns && program.labels >= 0)
    warnOfCopies();
  return labels;
}

int64_t Feeder::setDivisor(int64_t labels, StepInputs &inputs) const {
  int64_t divisor = divisorOf(labels, program.microbatches);
  // Without a label to learn from there is no loss and no gradient.
  inputs.seed[0] = divisor ? 1.0 / double(divisor) : 0;
  return divisor;
}

int64_t Feeder::tokensPerStep() const {
  const ModelInput &input =
      program.inputs[program.labels >= 0 ? program.labels : 0];
  return input.type.elements() * program.microbatches;
}

/// Samples that follow each other are read at once.
void Feeder::readMicrobatch(int64_t first, size_t input, char *target) {
  int64_t samples = program.samples();
  int64_t bytes = program.inputs[input].type.bytes() / samples;
  for (int64_t done = 0; done < samples;) {
    int64_t begin = sampleAt(first + done), count = 1;
    while (done + count < samples && sampleAt(first + done + count) == begin + count)
      ++count;
    data.read(begin, count, input, target + done * bytes);
    done += count;
  }
}

/// An integer of an input, whichever its width.
int64_t Feeder::valueAt(size_t input, const char *values, int64_t i) const {
  int64_t wide = 0;
  int32_t narrow;
  if (program.inputs[input].type.element == ElementType::I64) {
    std::memcpy(&wide, values + i * 8, 8);
    return wide;
  }
  std::memcpy(&narrow, values + i * 4, 4);
  return narrow;
}

/// Those of samples that are beyond the end; the first has that position.
void Feeder::ignoreLabels(int64_t first, char *labels) const {
  const TensorType &type = program.inputs[program.labels].type;
  int64_t samples = program.samples(), each = type.elements() / samples;
  int64_t from = std::clamp<int64_t>(*end - first, 0, samples) * each;
  if (type.element == ElementType::I64)
    std::fill_n(reinterpret_cast<int64_t *>(labels) + from, samples * each - from,
                program.ignoreIndex);
  else
    std::fill_n(reinterpret_cast<int32_t *>(labels) + from, samples * each - from,
                int32_t(program.ignoreIndex));
}

int64_t Feeder::countLabels(const char *labels) const {
  int64_t count = 0, elements = program.inputs[program.labels].type.elements();
  for (int64_t i = 0; i < elements; ++i)
    count += valueAt(program.labels, labels, i) != program.ignoreIndex;
  return count;
}

/// An input of the first step, all of its micro-batches.
std::vector<char> Feeder::readStep(size_t input) {
  int64_t bytes = program.inputs[input].type.bytes();
  std::vector<char> values(bytes * program.microbatches);
  for (int64_t mb = 0; mb < program.microbatches; ++mb)
    readMicrobatch(mb * program.samples(), input, values.data() + mb * bytes);
  return values;
}

/// Labels that equal the ids wherever they count are not shifted: the model
/// would learn to copy.
void Feeder::warnOfCopies() {
  const TensorType &type = program.inputs[program.labels].type;
  std::vector<char> labels = readStep(program.labels);
  for (size_t i = 0; i < program.inputs.size(); ++i) {
    const TensorType &other = program.inputs[i].type;
    bool integers =
        other.element == ElementType::I64 || other.element == ElementType::I32;
    if (int64_t(i) == program.labels || !integers || other.shape != type.shape)
      continue;
    std::vector<char> ids = readStep(i);
    int64_t counted = 0, equal = 0;
    for (int64_t k = 0; k < type.elements() * program.microbatches; ++k) {
      int64_t label = valueAt(program.labels, labels.data(), k);
      bool counts = label != program.ignoreIndex;
      counted += counts;
      equal += counts && label == valueAt(i, ids.data(), k);
    }
    if (counted > 0 && equal == counted)
      warn("all labels of the first step equal '", program.inputs[i].name,
           "'; expected them to be shifted already, else the model learns to "
           "copy");
  }
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
