//===- EmulatedDevice.cpp - A device that takes the time it is told --------===//
//
// Its clock stands at the moment when a piece of work should have ended, whenever
// the thread woke up: work that follows without waiting begins then, so that no
// lateness adds up.
//
//===----------------------------------------------------------------------===//

#include "lib/Runtime/Emulated/EmulatedDevice.h"

#include "lib/Runtime/Error.h"

#include <algorithm>
#include <cstring>

using namespace bitpipe;

constexpr int64_t pageBytes = 4096;
constexpr double longest = 1e6; // seconds

static double longestOf(const std::vector<double> &times) {
  return times.empty() ? 0 : std::ranges::max(times);
}

void bitpipe::checkEmulated(const WorkTimes &times, const std::string &source) {
  double most = std::max(longestOf(times.collectives), longestOf(times.copies));
  for (const auto &device : times.instructions)
    most = std::max(most, longestOf(device));
  if (most > longest)
    fail(source, ": a run, sum or copy to the host takes ", most, ", expected seconds, at most ",
         longest);
}

EmulatedDevice::EmulatedDevice(const Program &program, int64_t number,
                               Calls &calls, size_t events,
                               const std::vector<double> &seconds)
    : HostDevice(program, number, calls, events, WorkClock::Time, Arena::Sparse),
      touched((device.arena + pageBytes - 1) / pageBytes),
      touchedThere((device.host + pageBytes - 1) / pageBytes) {
  for (double time : seconds)
    times.push_back(Nanoseconds(time * 1e9));
  for (size_t i = 0; i < device.slots.size(); ++i)
    if (device.slots[i].source == SlotSource::Message)
      std::memset(slots.address(i), 0, device.slots[i].size);
}

bool EmulatedDevice::beginStep(uint32_t step, const StepInputs &inputs) {
  if (step == 0)
    Sleeper::prepareThread();
  first = step == 0;
  return HostDevice::beginStep(step, inputs);
}

void EmulatedDevice::touch(int64_t number) {
  const Slot &slot = device.slots[number];
  if (!first || !(slot.inArena() || slot.onHost()))
    return;
  std::vector<bool> &pages = slot.onHost() ? touchedThere : touched;
  for (int64_t page = slot.offset / pageBytes;
       page * pageBytes < slot.offset + slot.size; ++page)
    pages[page] = true;
}

int64_t EmulatedDevice::touchedBytes() const {
  return pageBytes * std::ranges::count(touched, true);
}

int64_t EmulatedDevice::touchedOnHost() const {
  return pageBytes * std::ranges::count(touchedThere, true);
}

void EmulatedDevice::take(size_t instruction, uint32_t category) {
  Nanoseconds end = clock + times[instruction];
  sleeper.until(end);
  finishPart(category, labelOf(instruction), end);
}

void EmulatedDevice::execute(size_t instruction, const Execute &run) {
  for (int64_t slot : run.slots)
    touch(slot);
  Nanoseconds begin = clock;
  take(instruction, Calls::Emulated);
  finishRun(instruction, begin);
}

/// Takes no time of the device.
void EmulatedDevice::startedMessage(size_t instruction) {
  if (auto *receive = std::get_if<Receive>(&device.instructions[instruction]);
      receive && receive->run.isMove())
    touch(receive->slot);
  finishPart(Calls::Messages, labelOf(instruction), clock);
}

double EmulatedDevice::squareSum(size_t instruction,
                                 const GradNorm &norm) {
  for (int64_t slot : norm.slots)
    touch(slot);
  take(instruction, Calls::Norm);
  pauseWork();
  return 0;
}

void EmulatedDevice::update(size_t instruction, const Step &step,
                            const OptimizerSettings &) {
  touch(step.weights);
  touch(step.gradients);
  for (auto moment : {step.moment1, step.moment2})
    if (moment)
      touch(*moment);
  take(instruction, Calls::Optimizer);
}

void EmulatedDevice::clear(size_t instruction, const Clear &clear) {
  touch(clear.slot);
  take(instruction, Calls::Optimizer);
}

void EmulatedDevice::stash(size_t instruction, const Stash &stash) {
  touch(stash.weights);
  touch(stash.kept);
  for (auto slot : {stash.working, stash.workingKept})
    if (slot)
      touch(*slot);
  take(instruction, Calls::Optimizer);
}

void EmulatedDevice::round(size_t instruction, const Round &round) {
  touch(round.working);
  take(instruction, Calls::Optimizer);
}
