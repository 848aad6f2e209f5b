//===- MessageMemory.cpp - What messages hold on each device ---------------===//

#include "lib/Transforms/Schedule/Simulate/MessageMemory.h"

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

/// What is received at an instruction, and by which it is first read.
struct Receipt {
  size_t receive = 0, read = 0;
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
  size_t knownToHaveReceived(size_t sender, size_t receiver, size_t receive) const;
  void keepUntilReceived();

  const Program &program;
  const Costs &costs;
  /// By device and tensor.
  std::vector<std::map<size_t, Life>> lives;
  std::vector<std::map<size_t, Receipt>> receipts;
  /// By sender and receiver, each message that the receiver sends back: where it does, and
  /// where the sender of the pair first reads that.
  std::map<std::pair<size_t, size_t>, std::map<size_t, size_t>> answers;
};
} // namespace

MessageLives::MessageLives(const Program &program, const Costs &costs)
    : program(program), costs(costs), lives(program.devices.size()),
      receipts(program.devices.size()) {}

void MessageLives::use(size_t device, size_t key, double size, size_t at) {
  auto [entry, isNew] = lives[device].try_emplace(key, Life{size, at, at});
  entry->second.last = at;
  auto receipt = receipts[device].find(key);
  if (receipt != receipts[device].end() && receipt->second.read == receipt->second.receive)
    receipt->second.read = at;
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
    bool isMessage = (instruction.op == Instruction::Op::Send ||
                      instruction.op == Instruction::Op::Recv) &&
                     !isMove(action.kind);
    if (!isMessage)
      continue;
    if (instruction.op == Instruction::Op::Recv)
      receipts[device][keyOf(action)] = {at, at};
    use(device, keyOf(action), costs.messageSize(action), at);
  }
}

/// Where the sender has read what the receiver sent after it received; its list's end if
/// nothing comes back any more.
size_t MessageLives::knownToHaveReceived(size_t sender, size_t receiver, size_t receive) const {
  auto pair = answers.find({sender, receiver});
  if (pair == answers.end())
    return program.devices[sender].size();
  auto answer = pair->second.lower_bound(receive);
  return answer == pair->second.end() ? program.devices[sender].size() : answer->second;
}

void MessageLives::keepUntilReceived() {
  auto forEachSend = [&](auto visit) {
    for (size_t device = 0; device < program.devices.size(); ++device)
      for (size_t at = 0; at < program.devices[device].size(); ++at) {
        const Instruction &instruction = program.devices[device][at];
        if (instruction.op == Instruction::Op::Send && !isMove(instruction.action.kind))
          visit(device, at, size_t(instruction.peer), keyOf(instruction.action));
      }
  };
  forEachSend([&](size_t from, size_t at, size_t to, size_t key) {
    if (auto receipt = receipts[to].find(key); receipt != receipts[to].end())
      answers[{to, from}][at] = receipt->second.read;
  });
  forEachSend([&](size_t from, size_t at, size_t to, size_t key) {
    auto receipt = receipts[to].find(key);
    size_t known = receipt == receipts[to].end()
                       ? program.devices[from].size()
                       : knownToHaveReceived(from, to, receipt->second.receive);
    size_t &last = lives[from].at(key).last;
    last = std::max(last, known - 1);
  });
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
