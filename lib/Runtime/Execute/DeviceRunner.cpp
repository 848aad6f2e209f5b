//===- DeviceRunner.cpp - Walks one device's list -------------------------===//

#include "lib/Runtime/Execute/DeviceRunner.h"

#include "lib/Runtime/Delay.h"

using namespace bitpipe;

DeviceRunner::DeviceRunner(const Program &program, const Links &links,
                           int64_t number, Device &device,
                           Transport &transport, bool poison)
    : list(program.devices[number]), links(links.devices[number]),
      number(number), device(device), transport(transport), poisons(poison) {}

void DeviceRunner::run(uint32_t current, const StepInputs &given) {
  step = current;
  inputs = &given;
  doing.set(doing.step, step);
  bool walks = device.beginStep(step, given);
  if (poisons && walks)
    poison();
  for (size_t i = 0; walks && i < list.instructions.size(); ++i) {
    doing.set(doing.instruction, i);
    await(i);
    delayAtRandom();
    perform(i);
    device.finishInstruction(i);
  }
  if (walks)
    awaitGathers();
  device.endStep();
  doing.awaits(DeviceStatus::AwaitsStep);
}

/// Whoever reads what this step did not write will show it.
void DeviceRunner::poison() {
  for (size_t i = 0; i < list.instructions.size(); ++i)
    if (links.starts[i] >= 0 &&
        !std::holds_alternative<Collective>(list.instructions[i]))
      transport.completion(number, {Wait::Message, links.starts[i], true}, step)
          .wait();
  device.poison();
}

void DeviceRunner::await(size_t instruction) {
  const auto &waits = links.waits[instruction];
  for (size_t i = 0; i < waits.size(); ++i) {
    doing.awaits(int32_t(i));
    device.await(transport.completion(number, waits[i], step), instruction);
  }
  doing.awaits(DeviceStatus::Works);
}

/// What the step has to end with, in the account of its last instruction.
void DeviceRunner::awaitGathers() {
  doing.set(doing.instruction, list.instructions.size());
  for (size_t i = 0; i < links.atEnd.size(); ++i) {
    doing.awaits(int32_t(i));
    device.await(transport.completion(number, links.atEnd[i], step),
                 list.instructions.size() - 1);
  }
}

void DeviceRunner::perform(size_t i) {
  const Instruction &op = list.instructions[i];
  if (auto *run = std::get_if<Execute>(&op))
    return device.execute(i, *run);
  if (std::holds_alternative<Collective>(op))
    return transport.startCollective(number);
  if (auto *norm = std::get_if<GradNorm>(&op))
    return agree(i, *norm);
  if (auto *update = std::get_if<Step>(&op))
    return device.update(i, *update, inputs->optimizer);
  if (auto *round = std::get_if<Round>(&op))
    return device.round(i, *round);
  if (auto *clear = std::get_if<Clear>(&op))
    return device.clear(i, *clear);
  if (auto *stash = std::get_if<Stash>(&op))
    return device.stash(i, *stash);
  transport.startMessage(number, links.starts[i]);
  device.startedMessage(i);
}

/// What all devices need before one of them updates.
void DeviceRunner::agree(size_t instruction, const GradNorm &norm) {
  device.contribute(instruction, norm);
  doing.awaits(DeviceStatus::AwaitsAgreement);
  transport.contribute(number, step); // exchanges with other processes
  device.awaitNumbers(transport.agreement(step), instruction);
  doing.awaits(DeviceStatus::Works);
  device.judge(instruction, transport.numbers(step), *inputs);
}
