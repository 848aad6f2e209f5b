//===- MessageMemory.cpp - What messages hold on each device ---------------===//

#include "lib/Transforms/Schedule/Simulate/MessageMemory.h"

#include "lib/Transforms/Schedule/Check/SentUntil.h"
#include "lib/Transforms/Schedule/Core/Effects.h"

#include <algorithm>
#include <map>

using namespace bitpipe::schedule;

namespace {
/// From its first to its last instruction on one device.
struct Life {
  double size = 0;
  size_t first = 0, last = 0;
};

class MessageLives {
public:
  MessageLives(const Program &program, const Costs &costs);
  std::vector<double> run();

private:
  size_t keyOf(Tensor::Sort sort, int stage, int microbatch) const {
    return tensorKey(program.placement, {sort, stage, microbatch});
  }
  size_t keyOf(const Action &made) const {
    return keyOf(made.kind == Kind::F ? Tensor::Output : Tensor::Gradient, made.stage,
                 made.microbatch);
  }
  void collect(size_t device);
  void addRun(size_t device, const Action &action, size_t at);
  void use(size_t device, size_t key, double size, size_t at);
  void keepUntilReceived();

  const Program &program;
  const Costs &costs;
  /// By device and tensor.
  std::vector<std::map<size_t, Life>> lives;
};
} // namespace

MessageLives::MessageLives(const Program &program, const Costs &costs)
    : program(program), costs(costs), lives(program.devices.size()) {}

void MessageLives::use(size_t device, size_t key, double size, size_t at) {
  auto [entry, isNew] = lives[device].try_emplace(key, Life{size, at, at});
  entry->second.last = at;
}

/// What a run reads of other stages, and makes for them.
void MessageLives::addRun(size_t device, const Action &action, size_t at) {
  int stage = action.stage, m = action.microbatch, last = program.placement.stages() - 1;
  const StageCost &cost = costs.stage(stage);
  bool isForward = action.kind == Kind::F || action.kind == Kind::R;
  bool isInput = makesInputGradient(action.kind), isWeight = makesWeightGradient(action.kind);
  if (!isForward && !isInput && !isWeight)
    return; // updates and moves
  bool readsInput = isForward || (isInput && cost.inputReader != Kind::F) ||
                    (isWeight && cost.inputReader == Kind::W);
  bool readsGradient = isInput || (isWeight && cost.gradientReader == Kind::W);
  if (stage > 0 && readsInput)
    use(device, keyOf(Tensor::Output, stage - 1, m), costs.stage(stage - 1).message, at);
  if (stage < last && readsGradient)
    use(device, keyOf(Tensor::Gradient, stage + 1, m), cost.message, at);
  if (stage < last && action.kind == Kind::F)
    use(device, keyOf(Tensor::Output, stage, m), cost.message, at);
  if (stage > 0 && isInput)
    use(device, keyOf(Tensor::Gradient, stage, m), costs.stage(stage - 1).message, at);
}

void MessageLives::collect(size_t device) {
  const std::vector<Instruction> &list = program.devices[device];
  for (size_t at = 0; at < list.size(); ++at) {
    const Instruction &instruction = list[at];
    const Action &action = instruction.action;
    if (instruction.op == Instruction::Op::Run)
      addRun(device, action, at);
    if (!instruction.isMessage() || isMove(action.kind))
      continue;
    use(device, keyOf(action), costs.messageSize(action), at);
  }
}

void MessageLives::keepUntilReceived() {
  std::vector<std::vector<int>> until = sentUntil(program);
  for (size_t device = 0; device < until.size(); ++device)
    for (size_t at = 0; at < until[device].size(); ++at)
      if (until[device][at] >= 0) {
        size_t &last = lives[device].at(keyOf(program.devices[device][at].action)).last;
        last = std::max(last, size_t(until[device][at]));
      }
}

/// As many places of a size as are taken at a time.
static double placesOf(const std::map<size_t, Life> &lives) {
  std::map<double, std::vector<std::pair<size_t, int>>> changes; // by size
  for (const auto &[key, life] : lives) {
    changes[life.size].push_back({life.first, 1});
    changes[life.size].push_back({life.last + 1, -1});
  }
  double bytes = 0;
  for (auto &[size, list] : changes) {
    std::sort(list.begin(), list.end());
    int taken = 0, most = 0;
    for (const auto &[at, change] : list)
      most = std::max(most, taken += change);
    bytes += size * most;
  }
  return bytes;
}

std::vector<double> MessageLives::run() {
  for (size_t device = 0; device < program.devices.size(); ++device)
    collect(device);
  keepUntilReceived();
  std::vector<double> result;
  for (const auto &own : lives)
    result.push_back(placesOf(own));
  return result;
}

std::vector<double> bitpipe::schedule::messageMemory(const Program &program,
                                                     const Costs &costs) {
  return MessageLives(program, costs).run();
}
