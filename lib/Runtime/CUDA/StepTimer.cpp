//===- StepTimer.cpp - When a GPU began and ended what it did --------------------===//

#include "lib/Runtime/CUDA/StepTimer.h"

using namespace bitpipe;

static uint32_t categoryOf(const Instruction &op) {
  if (std::holds_alternative<Execute>(op))
    return Calls::Runs;
  if (std::holds_alternative<GradNorm>(op))
    return Calls::Norm;
  if (std::holds_alternative<Step>(op))
    return Calls::Optimizer;
  return Calls::Messages;
}

/// What an instruction sends to the host of its device, or from there.
static int64_t copiedBy(const Program &program, const DeviceList &device, const Instruction &op) {
  auto *send = std::get_if<Transmit>(&op);
  return send && &program.devices[send->to] == &device ? device.slots[send->slot].size : 0;
}

/// Adds all categories that there are to `names`.
static std::vector<StepTimer::Label> labelsOf(const Program &program, const DeviceList &device,
                                              Calls &names) {
  std::vector<StepTimer::Label> labels;
  for (const Instruction &op : device.instructions) {
    std::string name = text(op);
    labels.push_back({categoryOf(op), names.addLabel(name), names.addLabel("wait: " + name),
                      copiedBy(program, device, op), {}});
    if (auto *run = std::get_if<Execute>(&op))
      for (const Call &call : program.routines[run->routine].calls)
        labels.back().calls.push_back(names.nameOf(call));
  }
  return labels;
}

StepTimer::StepTimer(const Program &program, const DeviceList &device, const GPU &gpu,
                     Calls &names, size_t events, bool timed)
    : timed(timed), labels(labelsOf(program, device, names)),
      record(names.categories().size(), device.instructions.size(), events) {
  for (Steps &parity : steps)
    if (timed) {
      for (const Label &label : labels) {
        Times &times = parity.instructions.emplace_back(gpu);
        for (size_t i = 0; i < label.calls.size(); ++i)
          times.calls.emplace_back(gpu, CUDAEvent::Time);
      }
      parity.begin.emplace_back(gpu, CUDAEvent::Time);
    }
}

void StepTimer::beginStep(uint32_t current, bool isLeftOut, cuda::Stream stream) {
  step = current;
  steps[step % 2].isLeftOut = isLeftOut;
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

void StepTimer::endCall(size_t instruction, size_t call, cuda::Stream stream) {
  steps[step % 2].instructions[instruction].calls[call].record(stream);
}

void StepTimer::end(size_t instruction, cuda::Stream stream) {
  if (timed && !labels[instruction].copied && steps[step % 2].instructions[instruction].used)
    steps[step % 2].instructions[instruction].end.record(stream);
}

void StepTimer::endCopy(size_t instruction, cuda::Stream stream) {
  if (timed)
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
  if (steps[number % 2].isLeftOut) {
    lastEnd = end;
    return;
  }
  if (record.stepsDone() == 1) { // the first step warmed up
    record.resetTotals();
    copies = {};
  }
  Nanoseconds waited = record.timeOf(Calls::Waiting);
  if (timed)
    collectInstructions(steps[number % 2], end);
  record.addEvent(Calls::Steps, uint32_t(record.stepsDone()), lastEnd, end);
  record.addStep({lastEnd, end, record.timeOf(Calls::Waiting) - waited});
  lastEnd = end;
}

/// The last instruction has ended when the host learnt of it, or somewhat before.
void StepTimer::collectInstructions(Steps &parity, Nanoseconds end) {
  cuda::EventHandle begin = parity.begin.front();
  const Times *last = nullptr;
  for (size_t i = 0; i < labels.size(); ++i)
    if (parity.instructions[i].used && !labels[i].copied)
      last = &parity.instructions[i];
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
    if (labels[i].copied) {
      addCopy(labels[i], from, to);
      record.addInstruction(i, {clock, clock, 0});
      continue;
    }
    record.add(Calls::Waiting, labels[i].wait, clock, from);
    addWork(labels[i], times, from, to);
    record.addInstruction(i, {from, to, to - from});
    clock = to;
  }
}

void StepTimer::addCopy(const Label &label, Nanoseconds from, Nanoseconds to) {
  record.addEvent(Calls::Copies, label.instruction, from, to);
  copies.bytes += label.copied;
  copies.time += to - from;
}

/// A run encloses its calls, each of which begins when the one before has ended.
void StepTimer::addWork(const Label &label, const Times &times, Nanoseconds from,
                        Nanoseconds to) {
  if (label.calls.empty())
    return record.add(label.category, label.instruction, from, to);
  record.addEvent(Calls::Runs, label.instruction, from, to);
  Nanoseconds clock = from;
  for (size_t i = 0; i < label.calls.size(); ++i) {
    Nanoseconds end = from + between(times.begin, times.calls[i]);
    record.add(label.calls[i].category, label.calls[i].label, clock, end);
    clock = end;
  }
}
