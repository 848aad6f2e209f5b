//===- Evaluation.cpp - The loss of data that are not trained on -------------===//

#include "lib/Runtime/Train/Evaluation.h"

#include "lib/Runtime/Data/DataFiles.h"
#include "lib/Runtime/Error.h"
#include "lib/Runtime/Execute/DropoutKey.h"

#include <algorithm>
#include <cstdio>
#include <limits>

using namespace bitpipe;

Evaluation::Evaluation(const TrainOptions &all, const Program &program, const World &world)
    : options(all.evaluation), program(program),
      // Masks that are no training step's, and the same in every evaluation.
      seed(splitMix(all.seed ^ 0x6576616c)) {
  // Where each label counts for itself, samples that are not there have none.
  bool fillsUp = program.loss == "labels";
  int64_t batch = program.samples() * program.microbatches;
  bool isBin = kindOfData(dataFiles(options.data).front()) == ".bin";
  data = openDataset(options.data, program, isBin ? all.tokenBytes : 0, fillsUp ? 1 : batch);
  count = fillsUp ? (data->samples() + batch - 1) / batch : data->samples() / batch;
  if (options.steps > count)
    fail(options.data, ": error: holds ", count, " batches of ", batch,
         " samples, expected at most as many by --eval-steps, got ", options.steps);
  if (options.steps)
    count = options.steps;
  samples = std::min(count * batch, data->samples());
  feeder.emplace(*data, program, world, FeedOrder{.end = data->samples(), .warns = false});
}

static bool hasDropout(const Program &program) {
  for (const DeviceList &device : program.devices)
    if (std::ranges::count(device.slots, SlotSource::Key, &Slot::source))
      return true;
  return false;
}

void Evaluation::tell() const {
  std::string when = options.every ? joined("after every ", options.every, " steps and the last")
                                   : std::string("after the last step");
  std::string part = samples == data->samples() ? joined("all ", samples)
                                                : joined(samples, " of ", data->samples());
  std::printf("evaluation %s: %s samples of %s, in %lld batches that take the time of a step each\n",
              when.c_str(), part.c_str(), options.data.c_str(), static_cast<long long>(count));
  if (hasDropout(program))
    std::printf("the model was exported with dropout, which its plan applies in evaluations, too: "
                "their losses are higher than without\n");
}

int64_t Evaluation::fill(int64_t batch, StepInputs &inputs) {
  inputs.evaluates = true;
  inputs.number = batch;
  inputs.dropoutSeed = seed;
  return feeder->fill(batch, inputs);
}

void Evaluation::add(int64_t batch, const Judgement &judged, int64_t divisor, Nanoseconds taken) {
  if (batch == 0)
    lossSum = divided = time = 0;
  lossSum += judged.lossSum;
  divided += double(divisor) * judged.count;
  time += taken;
}

EvaluationMetrics Evaluation::result(int64_t step) const {
  // Where no label counts there is no loss.
  double loss = divided == 0 ? std::numeric_limits<double>::quiet_NaN() : lossSum / divided;
  return {step, loss, samples, double(time) * 1e-9};
}
