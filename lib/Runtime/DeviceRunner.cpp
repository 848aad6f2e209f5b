//===- DeviceRunner.cpp - Walks one device's list -------------------------===//

#include "lib/Runtime/DeviceRunner.h"

#include "lib/Runtime/Delay.h"

#include <algorithm>
#include <cmath>

using namespace bitpipe;

DeviceRunner::DeviceRunner(const Program &program, int64_t number,
                           const Links &links, Calls &calls,
                           DeviceMemory &memory, Exchange &exchange,
                           Board &board, size_t traceEvents)
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
    if (device.slots[i].source == SlotSource::Loss)
      lossSlots.push_back(i);
  }
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
  gradientScale = 1;
  for (int64_t slot : inputSlots) {
    const Slot &input = device.slots[slot];
    memory.address(slot) = shared->inputs.data[input.input][input.microbatch];
  }
  for (int64_t slot : seedSlots)
    memory.address(slot) = reinterpret_cast<char *>(&shared->inputs.seed);
}

void DeviceRunner::endStep() {
  for (int64_t slot : lossSlots)
    shared->losses[device.slots[slot].microbatch] = *memory.floats(slot);
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

void DeviceRunner::addNorm(const GradNorm &op, Label label) {
  double squares = 0;
  for (int64_t slot : op.slots)
    squares += sumOfSquares(memory.floats(slot),
                            device.slots[slot].size / sizeof(float));
  shared->squares[number] = squares;
  finishPart(Calls::Norm, label.instruction);
  board.norms.advance();
  board.norms.waitFor(uint32_t(program.devices.size()) * (step + 1));
  finishPart(Calls::Waiting, label.wait);
  double total = 0;
  for (double part : shared->squares)
    total += part;
  double norm = std::sqrt(total), clip = shared->inputs.clip;
  if (clip > 0)
    gradientScale = std::min(1.0, clip / (norm + 1e-6));
  if (number == 0)
    shared->gradNorm = norm;
}

void DeviceRunner::update(const Step &op) {
  const OptimizerSettings &settings = shared->inputs.optimizer;
  float *weights = memory.floats(op.weights);
  float *gradients = memory.floats(op.gradients);
  if (op.moment1)
    stepAdamW(settings, step + 1, gradientScale, op.elements, weights,
              gradients, memory.floats(*op.moment1),
              memory.floats(*op.moment2));
  else if (program.optimizer == "sgd")
    stepSGD(settings, gradientScale, op.elements, weights, gradients);
  else
    std::fill_n(gradients, op.elements, 0.0f);
}
