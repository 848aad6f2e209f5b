//===- StepTimer.cpp - When a GPU began and ended what it did --------------------===//

#include "lib/Runtime/CUDA/StepTimer.h"

#include <algorithm>

using namespace bitpipe;

/// Kinds of work are those of devices on the host.
static uint32_t categoryOf(const Instruction &op, bool copies) {
  if (std::holds_alternative<Execute>(op))
    return Calls::Runs;
  if (std::holds_alternative<GradNorm>(op))
    return Calls::Norm;
  if (std::holds_alternative<Collective>(op))
    return Calls::Sums;
  if (std::holds_alternative<Transmit>(op) || std::holds_alternative<Receive>(op))
    return copies ? Calls::Copies : Calls::Messages;
  return Calls::Optimizer;
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
    int64_t copied = copiedBy(program, device, op);
    uint32_t category = categoryOf(op, copied > 0);
    bool beside = category == Calls::Messages || category == Calls::Copies ||
                  category == Calls::Sums;
    labels.push_back({category, names.addLabel(name), names.addLabel("wait: " + name), beside,
                      copied, {}});
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
        size_t marks = label.category == Calls::Norm ? 2 : label.calls.size();
        for (size_t i = 0; i < marks; ++i)
          times.calls.emplace_back(gpu, CUDAEvent::Time);
      }
      for (int i = 0; i < 2; ++i)
        parity.marks.emplace_back(gpu, CUDAEvent::Time);
    }
  for (int i = 0; timed && i < 2; ++i)
    anchors.emplace_back(gpu, CUDAEvent::Time);
}

void StepTimer::beginStep(uint32_t current, bool isLeftOut, cuda::Stream stream) {
  step = current;
  steps[step % 2].isLeftOut = isLeftOut;
  if (!timed)
    return;
  steps[step % 2].told = now();
  if (step % anchorSteps == 0)
    anchors[step / anchorSteps % 2].record(stream);
  steps[step % 2].marks.front().record(stream);
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

void StepTimer::pauseNorm(size_t instruction, cuda::Stream stream) {
  if (timed)
    endCall(instruction, 0, stream);
}

void StepTimer::resumeNorm(size_t instruction, cuda::Stream stream) {
  if (timed)
    endCall(instruction, 1, stream);
}

void StepTimer::end(size_t instruction, cuda::Stream stream) {
  if (timed && !labels[instruction].beside && steps[step % 2].instructions[instruction].used)
    steps[step % 2].instructions[instruction].end.record(stream);
}

void StepTimer::endStep(cuda::Stream stream) {
  if (timed)
    steps[step % 2].marks.back().record(stream);
}

void StepTimer::endBeside(size_t instruction, cuda::Stream stream) {
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
    lastEnd = timed ? steps[0].told : end;
  if (const Steps &parity = steps[number % 2]; parity.isLeftOut) {
    lastEnd = timed ? endOf(parity, originOf(number, parity, end)) : end;
    return;
  }
  if (record.stepsDone() == 1) { // the first step warmed up
    record.resetTotals();
    copies = {};
  }
  Nanoseconds waited = record.timeOf(Calls::Waiting);
  if (timed)
    end = collectInstructions(number, end);
  record.addEvent(Calls::Steps, uint32_t(record.stepsDone()), lastEnd, end);
  record.addStep({lastEnd, end, record.timeOf(Calls::Waiting) - waited});
  lastEnd = end;
}

/// When it began, on the host's clock: not before it was told to, nor before the step before it
/// had ended.
Nanoseconds StepTimer::originOf(uint32_t number, const Steps &parity, Nanoseconds end) {
  cuda::EventHandle begin = parity.marks.front();
  Nanoseconds latest = end - between(begin, parity.marks.back());
  Nanoseconds origin = parity.told;
  if (number > 0)
    origin = anchored + between(anchors[(number - 1) / anchorSteps % 2], begin);
  origin = std::min(std::max({origin, parity.told, lastEnd}), latest);
  if (number % anchorSteps == 0)
    anchored = origin;
  return origin;
}

/// When it ended that began at `origin`.
Nanoseconds StepTimer::endOf(const Steps &parity, Nanoseconds origin) {
  return origin + between(parity.marks.front(), parity.marks.back());
}

/// The step ends after what its last instruction leaves under way. Gives when.
Nanoseconds StepTimer::collectInstructions(uint32_t number, Nanoseconds end) {
  const Steps &parity = steps[number % 2];
  cuda::EventHandle begin = parity.marks.front();
  Nanoseconds origin = originOf(number, parity, end), clock = origin;
  for (size_t i = 0; i < parity.instructions.size(); ++i) {
    const Times &times = parity.instructions[i];
    if (!times.used) {
      record.addInstruction(i, {clock, clock, 0});
      continue;
    }
    Nanoseconds from = origin + between(begin, times.begin);
    Nanoseconds to = origin + between(begin, times.end);
    if (labels[i].beside) {
      addBeside(labels[i], from, to);
      record.addInstruction(i, {from, to, to - from});
      continue;
    }
    record.add(Calls::Waiting, labels[i].wait, clock, from);
    record.addInstruction(i, {from, to, addWork(labels[i], times, from, to)});
    clock = to;
  }
  Nanoseconds ended = endOf(parity, origin);
  record.add(Calls::Waiting, labels.back().wait, clock, ended);
  return ended;
}

void StepTimer::addBeside(const Label &label, Nanoseconds from, Nanoseconds to) {
  record.addEvent(label.category, label.instruction, from, to);
  if (!label.copied)
    return;
  copies.bytes += label.copied;
  copies.time += to - from;
}

/// Gives how long it worked.
Nanoseconds StepTimer::addWork(const Label &label, const Times &times, Nanoseconds from,
                               Nanoseconds to) {
  if (label.category == Calls::Norm)
    return addNorm(label, times, from, to);
  if (label.calls.empty())
    record.add(label.category, label.instruction, from, to);
  else
    record.addEvent(Calls::Runs, label.instruction, from, to);
  addCalls(label, times, from, to);
  return to - from;
}

/// It waits for the numbers of all devices.
Nanoseconds StepTimer::addNorm(const Label &label, const Times &times, Nanoseconds from,
                               Nanoseconds to) {
  Nanoseconds given = std::min(from + between(times.begin, times.calls[0]), to);
  Nanoseconds agreed = std::min(from + between(times.begin, times.calls[1]), to);
  record.add(label.category, label.instruction, from, given);
  record.add(Calls::Waiting, label.wait, given, agreed);
  record.add(label.category, label.instruction, agreed, to);
  return given - from + to - agreed;
}

/// A run encloses its calls, each of which begins when the one before has ended. Their times are
/// finer than those of the run, which are counted from the step's begin.
void StepTimer::addCalls(const Label &label, const Times &times, Nanoseconds from,
                         Nanoseconds to) {
  Nanoseconds clock = from;
  for (size_t i = 0; i < label.calls.size(); ++i) {
    Nanoseconds end = std::min(from + between(times.begin, times.calls[i]), to);
    record.add(label.calls[i].category, label.calls[i].label, clock, end);
    clock = end;
  }
}
