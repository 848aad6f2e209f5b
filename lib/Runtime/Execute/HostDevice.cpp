//===- HostDevice.cpp - What devices on the host have in common ------------===//

#include "lib/Runtime/Execute/HostDevice.h"

#include "lib/Runtime/Execute/DropoutKey.h"

#include <algorithm>
#include <cstring>

using namespace bitpipe;

HostDevice::HostDevice(const Program &program, int64_t number, Calls &calls,
                       size_t events, WorkClock workClock, Arena::Use use)
    : program(program), device(program.devices[number]), calls(calls),
      arena(device.arena, use), onHost(device.host, use),
      slots(device, arena.data(), onHost.data()), record(calls.categories().size(),
                            device.instructions.size(), events),
      betweenSteps(calls.addLabel("wait: next step")),
      timesProcessor(workClock == WorkClock::Processor) {
  for (const Instruction &op : device.instructions) {
    std::string name = text(op);
    labels.push_back({calls.addLabel(name), calls.addLabel("wait: " + name)});
  }
  for (size_t i = 0; i < device.slots.size(); ++i)
    switch (device.slots[i].source) {
    case SlotSource::Input:
      inputSlots.push_back(i);
      break;
    case SlotSource::Seed:
      seedSlots.push_back(i);
      break;
    case SlotSource::Key:
      keySlots.push_back(i);
      break;
    case SlotSource::Loss:
      lossSlots.push_back(i);
      [[fallthrough]];
    case SlotSource::Arena:
    case SlotSource::Host:
    case SlotSource::Message:
    case SlotSource::Stashed:
      deadSlots.push_back(i);
      break;
    default:
      break;
    }
  mine.losses.resize(lossSlots.size());
  keys.resize(keySlots.size());
  for (size_t i = 0; i < keys.size(); ++i)
    slots.address(keySlots[i]) = reinterpret_cast<char *>(&keys[i]);
  seeds.resize(program.updateEvery ? program.updatesPerStep() : 0);
  for (int64_t slot : seedSlots) {
    float *given = seed;
    if (program.updateEvery)
      given = &seeds[program.updateOf(device.slots[slot].microbatch)];
    slots.address(slot) = reinterpret_cast<char *>(given);
  }
}

bool HostDevice::beginStep(uint32_t number, const StepInputs &inputs) {
  step = number;
  if (step == 0)
    clock = now();
  record.leaveOut(inputs.evaluates);
  if (record.stepsDone() == 1)
    record.resetTotals(); // the first step warmed up
  lastEnd = clock;
  waitedBefore = record.timeOf(Calls::Waiting);
  if (step > 0)
    finishPart(Calls::Waiting, betweenSteps);
  for (int64_t slot : inputSlots) {
    const Slot &input = device.slots[slot];
    slots.address(slot) = inputs.data[input.input][input.microbatch];
  }
  std::memcpy(seed, inputs.seed, sizeof(seed));
  std::copy_n(inputs.seeds.begin(), seeds.size(), seeds.begin());
  maxBadSteps = inputs.maxBadSteps;
  mine.squares = 0;
  for (size_t i = 0; i < keys.size(); ++i) {
    const Slot &slot = device.slots[keySlots[i]];
    keys[i] = dropoutKey(inputs.dropoutSeed, inputs.number, slot.microbatch,
                         slot.dropout);
  }
  stepBegin = instructionBegin = clock;
  workBegin = workTime();
  return true;
}

void HostDevice::endStep() {
  results[step % 2].finished = now();
  record.addEvent(Calls::Steps, uint32_t(record.stepsDone()), stepBegin, clock);
  record.addStep({lastEnd, clock, record.timeOf(Calls::Waiting) - waitedBefore});
}

void HostDevice::poison() {
  for (int64_t slot : deadSlots)
    std::memset(slots.address(slot), 0xff, device.slots[slot].size);
}

void HostDevice::finishPart(uint32_t category, uint32_t label, Nanoseconds end) {
  record.add(category, label, clock, end);
  clock = end;
}

void HostDevice::await(const Event &event, size_t instruction) {
  if (event.isComplete())
    return;
  pauseWork();
  event.wait();
  waited(instruction);
}

void HostDevice::waited(size_t instruction) {
  bool isFirst = clock == instructionBegin; // nothing has been worked yet
  finishPart(Calls::Waiting, labels[instruction].wait);
  workBegin += workTime() - workPaused;
  if (isFirst)
    instructionBegin = clock;
}

void HostDevice::awaitNumbers(const Event &event, size_t instruction) {
  event.wait();
  waited(instruction);
}

void HostDevice::contribute(size_t instruction, const GradNorm &norm) {
  mine.squares += squareSum(instruction, norm);
  mine.badIndex = metBadIndex();
  for (size_t i = 0; i < lossSlots.size(); ++i)
    mine.losses[i] = loss(lossSlots[i]);
}

void HostDevice::judge(size_t, const StepNumbers &numbers, const StepInputs &inputs) {
  UpdateState before = results[(step + 1) % 2].judgement.state;
  results[step % 2].judgement = bitpipe::judge(numbers, inputs, before);
}

HostDevice::UpdateTerms HostDevice::termsOf(const Step &update) const {
  const Judgement &now = results[step % 2].judgement;
  if (!update.isBetween())
    return {now.state.updates, now.gradientScale, now.skips};
  const UpdateState &before = results[(step + 1) % 2].judgement.state;
  int64_t within = program.updateOf(update.microbatch);
  return {before.updates + within + 1, 1, before.skippedInARow >= maxBadSteps};
}

void HostDevice::finishInstruction(size_t instruction) {
  Nanoseconds worked = workTime();
  record.addInstruction(instruction, {instructionBegin, clock, worked - workBegin});
  instructionBegin = clock;
  workBegin = worked;
}

void HostDevice::startedMessage(size_t instruction) {
  finishPart(Calls::Messages, labelOf(instruction));
}

void HostDevice::upload(int64_t slot, int64_t offset, const void *data,
                        int64_t bytes) {
  std::memcpy(slots.address(slot) + offset, data, bytes);
}

void HostDevice::download(int64_t slot, int64_t offset, void *data,
                          int64_t bytes) {
  std::memcpy(data, slots.address(slot) + offset, bytes);
}
