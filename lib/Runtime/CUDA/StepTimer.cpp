//===- StepTimer.cpp - When a GPU began and ended what it did --------------------===//

#include "lib/Runtime/CUDA/StepTimer.h"

using namespace bitpipe;

static uint32_t categoryOf(const Instruction &op, Calls &names) {
  if (std::holds_alternative<Execute>(op))
    return names.addCategory("runs");
  if (std::holds_alternative<GradNorm>(op))
    return Calls::Norm;
  if (std::holds_alternative<Step>(op))
    return Calls::Optimizer;
  return Calls::Messages;
}

static size_t countCategories(Calls &names) {
  names.addCategory("runs");
  return names.categories().size();
}

StepTimer::StepTimer(const DeviceList &device, const GPU &gpu, Calls &names,
                     size_t events, bool timed)
    : timed(timed), record(countCategories(names), device.instructions.size(), events) {
  for (const Instruction &op : device.instructions) {
    std::string name = text(op);
    labels.push_back({categoryOf(op, names), names.addLabel(name),
                      names.addLabel("wait: " + name)});
  }
  for (Steps &parity : steps)
    if (timed) {
      for (size_t i = 0; i < device.instructions.size(); ++i)
        parity.instructions.emplace_back(gpu);
      parity.begin.emplace_back(gpu, CUDAEvent::Time);
    }
}

void StepTimer::beginStep(uint32_t current, cuda::Stream stream) {
  step = current;
  if (timed)
    steps[step % 2].begin.front().record(stream);
}

void StepTimer::begin(size_t instruction, cuda::Stream stream) {
  if (!timed)
    return;
  Times &times = steps[step % 2].instructions[instruction];
  times.begin.record(stream);
  times.used = true;
}

void StepTimer::end(size_t instruction, cuda::Stream stream) {
  if (timed && steps[step % 2].instructions[instruction].used)
    steps[step % 2].instructions[instruction].end.record(stream);
}

static Nanoseconds between(cuda::EventHandle begin, cuda::EventHandle end) {
  float milliseconds = 0;
  cuda::check(cuda::driver().eventElapsedTime(&milliseconds, begin, end), "time a step");
  return Nanoseconds(double(milliseconds) * 1e6);
}

void StepTimer::collect(uint32_t number) {
  Nanoseconds end = now();
  if (number == 0)
    lastEnd = end;
  if (number == 1)
    record.resetTotals(); // the first step warmed up
  Nanoseconds waited = record.timeOf(Calls::Waiting);
  if (timed)
    collectInstructions(steps[number % 2], end);
  record.addEvent(Calls::Steps, number, lastEnd, end);
  record.addStep({lastEnd, end, record.timeOf(Calls::Waiting) - waited});
  lastEnd = end;
}

/// The last instruction has ended when the host learnt of it, or somewhat before.
void StepTimer::collectInstructions(Steps &parity, Nanoseconds end) {
  cuda::EventHandle begin = parity.begin.front();
  const Times *last = nullptr;
  for (const Times &times : parity.instructions)
    if (times.used)
      last = &times;
  if (!last)
    return;
  Nanoseconds origin = end - between(begin, last->end), clock = origin;
  for (size_t i = 0; i < parity.instructions.size(); ++i) {
    const Times &times = parity.instructions[i];
    if (!times.used) {
      record.addInstruction(i, {clock, clock, 0});
      continue;
    }
    Nanoseconds from = origin + between(begin, times.begin);
    Nanoseconds to = origin + between(begin, times.end);
    record.add(Calls::Waiting, labels[i].wait, clock, from);
    record.add(labels[i].category, labels[i].instruction, from, to);
    record.addInstruction(i, {from, to, to - from});
    clock = to;
  }
}
