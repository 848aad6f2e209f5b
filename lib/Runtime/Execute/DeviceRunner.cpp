//===- DeviceRunner.cpp - Walks one device's list -------------------------===//

#include "lib/Runtime/Execute/DeviceRunner.h"

#include "lib/Runtime/Delay.h"
#include "lib/Runtime/Execute/DropoutKey.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

using namespace bitpipe;

DeviceRunner::DeviceRunner(const Program &program, int64_t number,
                           const Links &links, Calls &calls,
                           DeviceMemory &memory, Exchange &exchange,
                           Board &board, size_t traceEvents, bool poison)
    : program(program), number(number), device(program.devices[number]),
      links(links.devices[number]), calls(calls), memory(memory),
      exchange(exchange), board(board), products(calls.matmuls()),
      betweenSteps(calls.addLabel("wait: next step")),
      arguments(calls.mostPlaces()),
      record(calls.categories().size(), device.instructions.size(),
             traceEvents) {
  size_t mostBlocks = 0;
  for (const Instruction &op : device.instructions) {
    std::string name = text(op);
    instructionLabels.push_back(
        {calls.addLabel(name), calls.addLabel("wait: " + name)});
    if (auto *execute = std::get_if<Execute>(&op))
      mostBlocks = std::max(mostBlocks, execute->slots.size());
  }
  blocks.resize(mostBlocks);
  for (size_t i = 0; i < device.slots.size(); ++i) {
    if (device.slots[i].source == SlotSource::Input)
      inputSlots.push_back(i);
    if (device.slots[i].source == SlotSource::Seed)
      seedSlots.push_back(i);
    if (device.slots[i].source == SlotSource::Key)
      keySlots.push_back(i);
    if (device.slots[i].source == SlotSource::Loss)
      lossSlots.push_back(i);
  }
  keys.resize(keySlots.size());
  for (size_t i = 0; i < keys.size(); ++i)
    memory.address(keySlots[i]) = reinterpret_cast<char *>(&keys[i]);
  if (poison)
    findDeadSlots();
}

/// The slots that hold nothing from one step to the next.
void DeviceRunner::findDeadSlots() {
  for (size_t i = 0; i < device.slots.size(); ++i)
    if (SlotSource source = device.slots[i].source;
        source == SlotSource::Arena || source == SlotSource::Message ||
        source == SlotSource::Loss)
      deadSlots.push_back(i);
}

/// Fills them with bytes that are NaN as any float and below 0 as any index, so
/// that whoever reads what this step did not write shows it.
void DeviceRunner::poisonDeadSlots() {
  if (deadSlots.empty())
    return;
  for (size_t i = 0; i < device.instructions.size(); ++i)
    if (links.starts[i] >= 0 &&
        !std::holds_alternative<AllReduce>(device.instructions[i]))
      exchange.waitFor({Wait::Message, links.starts[i], true}, step);
  for (int64_t slot : deadSlots)
    std::memset(memory.address(slot), 0xff, device.slots[slot].size);
}

void DeviceRunner::run(uint32_t number) {
  step = number;
  beginStep();
  for (size_t i = 0; i < device.instructions.size(); ++i) {
    for (const Wait &wait : links.waits[i])
      waitFor(wait, instructionLabels[i].wait);
    Nanoseconds begin = clock - record.timeOf(Calls::Waiting);
    delayAtRandom();
    perform(i);
    record.addInstruction(i, clock - record.timeOf(Calls::Waiting) - begin);
  }
  endStep();
}

void DeviceRunner::beginStep() {
  shared = &board.steps[step % 2];
  if (step == 0)
    clock = now();
  else
    finishPart(Calls::Waiting, betweenSteps);
  if (step == 1)
    record.resetTotals(); // the first step warmed up
  for (int64_t slot : inputSlots) {
    const Slot &input = device.slots[slot];
    memory.address(slot) = shared->inputs.data[input.input][input.microbatch];
  }
  for (int64_t slot : seedSlots)
    memory.address(slot) = reinterpret_cast<char *>(shared->inputs.seed);
  for (size_t i = 0; i < keys.size(); ++i) {
    const Slot &slot = device.slots[keySlots[i]];
    keys[i] = dropoutKey(shared->inputs.dropoutSeed, step, slot.microbatch,
                         slot.dropout);
  }
  poisonDeadSlots();
  stepBegin = clock;
}

void DeviceRunner::endStep() {
  record.addEvent(Calls::Steps, step, stepBegin, clock);
  shared->finished[number] = clock;
}

/// Books the time since the last piece of work.
void DeviceRunner::finishPart(uint32_t category, uint32_t label) {
  Nanoseconds end = now();
  record.add(category, label, clock, end);
  clock = end;
}

void DeviceRunner::waitFor(const Wait &wait, uint32_t label) {
  if (exchange.isComplete(wait, step))
    return;
  exchange.waitFor(wait, step);
  finishPart(Calls::Waiting, label);
}

void DeviceRunner::perform(size_t i) {
  const Instruction &op = device.instructions[i];
  uint32_t label = instructionLabels[i].instruction;
  if (auto *run = std::get_if<Execute>(&op))
    return execute(*run, label);
  if (std::holds_alternative<AllReduce>(op))
    return exchange.startSum(number);
  if (auto *norm = std::get_if<GradNorm>(&op))
    return addNorm(*norm, instructionLabels[i]);
  if (auto *update = std::get_if<Step>(&op)) {
    this->update(*update);
    return finishPart(Calls::Optimizer, label);
  }
  exchange.startMessage(links.starts[i]);
  finishPart(Calls::Messages, label);
}

void DeviceRunner::execute(const Execute &op, uint32_t label) {
  for (size_t i = 0; i < op.slots.size(); ++i)
    blocks[i] = memory.address(op.slots[i]);
  Nanoseconds begin = clock;
  const PreparedRoutine &routine = calls.routine(op.routine);
  for (const PreparedCall &prepared : routine.calls)
    call(routine, prepared);
  record.addEvent(Calls::Runs, label, begin, clock);
}

void DeviceRunner::call(const PreparedRoutine &routine,
                        const PreparedCall &call) {
  const Place *places = &routine.places[call.firstPlace];
  for (uint32_t i = 0; i < call.places; ++i)
    arguments[i] = addressOf(places[i]);
  if (call.kernel)
    call.kernel(arguments.data());
  else
    products.run(call.matmul, arguments[0], arguments[1], arguments[2],
                 arguments[3], arguments[4]);
  finishPart(call.category, call.label);
}

/// What all devices need before one of them updates.
void DeviceRunner::publish(const GradNorm &op) {
  double squares = 0;
  for (int64_t slot : op.slots)
    squares += sumOfSquares(memory.floats(slot),
                            device.slots[slot].size / sizeof(float));
  // A step that met an index outside of its table changes nothing, nor does
  // any after it.
  if (calls.kernels().metBadIndex())
    squares = std::numeric_limits<double>::quiet_NaN();
  shared->squares[number] = squares;
  for (int64_t slot : lossSlots) {
    int64_t microbatch = device.slots[slot].microbatch;
    shared->losses[microbatch] = memory.floats(slot)[0];
    if (program.loss == "counts")
      shared->counts[microbatch] = memory.floats(slot)[1];
  }
}

void DeviceRunner::addNorm(const GradNorm &op, Label label) {
  publish(op);
  finishPart(Calls::Norm, label.instruction);
  board.norms.advance();
  board.norms.waitFor(uint32_t(program.devices.size()) * (step + 1));
  finishPart(Calls::Waiting, label.wait);
  judgeStep();
}

/// Decides what the step's updates do. Every device computes the same from the
/// same numbers, so that all decide alike.
void DeviceRunner::judgeStep() {
  const StepInputs &inputs = shared->inputs;
  const auto &counts = shared->counts;
  double count = counts.empty()
                     ? 1
                     : std::accumulate(counts.begin(), counts.end(), 0.0);
  // Where nothing counts there is no loss and no gradient.
  double scale = count == 0 ? 0 : 1 / count;
  double norm = scale * std::sqrt(std::accumulate(shared->squares.begin(),
                                                  shared->squares.end(), 0.0));
  double loss = std::accumulate(shared->losses.begin(), shared->losses.end(), 0.0);
  gradientScale =
      inputs.clip > 0 ? scale * std::min(1.0, inputs.clip / (norm + 1e-6)) : scale;
  // The run ends after so many; a step that was submitted before that was known
  // must not go on from the state that is kept.
  if (skippedInARow < inputs.maxBadSteps) {
    skips = !canUpdate(loss, norm);
    skippedInARow = skips ? skippedInARow + 1 : 0;
  }
  updates += !skips;
  if (number != 0)
    return;
  shared->gradNorm = norm;
  shared->count = count;
  shared->skipped = skips;
}

/// Whether loss and gradients are finite, and the squares of what is left of
/// them after clipping too: an infinite second moment would stay for ever.
bool DeviceRunner::canUpdate(double loss, double norm) const {
  double scaled = norm * gradientScale;
  return std::isfinite(loss) && std::isfinite(norm) &&
         scaled * scaled <= std::numeric_limits<float>::max();
}

void DeviceRunner::update(const Step &op) {
  const OptimizerSettings &settings = shared->inputs.optimizer;
  float *weights = memory.floats(op.weights);
  float *gradients = memory.floats(op.gradients);
  if (skips || program.optimizer == "none")
    std::fill_n(gradients, op.elements, 0.0f);
  else if (op.moment1)
    stepAdamW(settings, updates, gradientScale, op.elements, weights,
              gradients, memory.floats(*op.moment1),
              memory.floats(*op.moment2));
  else
    stepSGD(settings, gradientScale, op.elements, weights, gradients);
}
