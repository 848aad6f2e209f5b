//===- CPUDevice.cpp - A device that computes on the processor -------------===//

#include "lib/Runtime/CPU/CPUDevice.h"

#include "lib/Runtime/CPU/Optimizer.h"

#include <algorithm>

using namespace bitpipe;

CPUDevice::CPUDevice(const Program &program, int64_t number, Calls &calls,
                     size_t events, WorkClock workClock)
    : HostDevice(program, number, calls, events, workClock), products(calls.matmuls()),
      arguments(calls.mostPlaces()) {
  size_t mostBlocks = 0;
  for (const Instruction &op : device.instructions)
    if (auto *run = std::get_if<Execute>(&op))
      mostBlocks = std::max(mostBlocks, run->slots.size());
  blocks.resize(mostBlocks);
}

void CPUDevice::execute(size_t instruction, const Execute &run) {
  for (size_t i = 0; i < run.slots.size(); ++i)
    blocks[i] = slots.address(run.slots[i]);
  Nanoseconds begin = clock;
  const PreparedRoutine &routine = calls.routine(run.routine);
  for (const PreparedCall &prepared : routine.calls)
    call(routine, prepared);
  finishRun(instruction, begin);
  if (calls.kernels()->metBadIndex())
    findBadIndex(run, routine);
}

/// Whether an index outside of its table was among what this run reads, since
/// that memory is no other device's while it does; the first run to ask has met it.
void CPUDevice::findBadIndex(const Execute &run, const PreparedRoutine &routine) {
  const void *address = calls.kernels()->badIndexAddress();
  for (const PreparedCall &prepared : routine.calls)
    for (uint32_t i = 0; prepared.kernel && i < prepared.places; ++i)
      if (addressOf(routine.places[prepared.firstPlace + i]) == address)
        return calls.kernels()->nameBadRun(text(run.run));
}

void CPUDevice::call(const PreparedRoutine &routine, const PreparedCall &call) {
  const BlockPlace *places = &routine.places[call.firstPlace];
  for (uint32_t i = 0; i < call.places; ++i)
    arguments[i] = addressOf(places[i]);
  if (call.kernel)
    call.kernel(arguments.data());
  else
    products.run(call.matmul, arguments[0], arguments[1], arguments[2],
                 arguments[3], arguments[4]);
  finishPart(call.category, call.label);
}

double CPUDevice::squareSum(size_t instruction,
                            const std::vector<int64_t> &summed) {
  double squares = 0;
  for (int64_t slot : summed)
    squares += sumOfSquares(slots.floats(slot),
                            device.slots[slot].size / sizeof(float));
  finishPart(Calls::Norm, labelOf(instruction));
  pauseWork();
  return squares;
}

LossValue CPUDevice::loss(int64_t slot) {
  const float *values = slots.floats(slot);
  return {values[0], program.loss == "counts" ? values[1] : 0};
}

void CPUDevice::update(size_t instruction, const Step &step,
                       const OptimizerSettings &settings,
                       const Judgement &judgement) {
  float *weights = slots.floats(step.weights);
  float *gradients = slots.floats(step.gradients);
  if (judgement.skips || program.optimizer == "none")
    std::fill_n(gradients, step.elements, 0.0f);
  else if (step.moment1)
    stepAdamW(settings, judgement.state.updates, judgement.gradientScale,
              step.elements, weights, gradients, slots.floats(*step.moment1),
              slots.floats(*step.moment2));
  else
    stepSGD(settings, judgement.gradientScale, step.elements, weights,
            gradients);
  if (step.working && !judgement.skips)
    roundWeights(weights, reinterpret_cast<uint16_t *>(slots.address(*step.working)),
                 step.workingElements);
  finishPart(Calls::Optimizer, labelOf(instruction));
}
