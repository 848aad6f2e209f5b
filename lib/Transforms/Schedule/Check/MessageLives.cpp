//===- MessageLives.cpp - How long what stages hand on is there ------------===//

#include "lib/Transforms/Schedule/Check/MessageLives.h"

#include "lib/Transforms/Schedule/Check/CheckText.h"

#include <algorithm>
#include <map>

using namespace bitpipe::schedule;
using Op = Instruction::Op;

namespace {
class Lives {
public:
  Lives(const Program &program, const Costs &costs)
      : program(program), costs(costs), known(program.devices.size()) {
    for (int device = 0; device < int(known.size()); ++device)
      collect(device);
    for (int device = 0; device < int(known.size()); ++device)
      collectAnswers(device);
    for (int device = 0; device < int(known.size()); ++device)
      keepUntilReceived(device);
  }
  std::vector<std::vector<MessageLife>> take() const;

private:
  size_t keyOf(const Action &made) const {
    return tensorKey(program.placement, tensorOf(made));
  }
  void collect(int device);
  void addRun(int device, const Action &action, size_t at);
  MessageLife &use(int device, const Tensor &tensor, size_t at);
  void read(int device, const Tensor &tensor, size_t at);
  void collectAnswers(int device);
  void keepUntilReceived(int device);
  size_t whenKnown(int sender, int receiver, size_t key) const;

  const Program &program;
  const Costs &costs;
  std::vector<std::map<size_t, MessageLife>> known; // by device and tensorKey
  /// By their sender and receiver, in order: where messages are sent, and where they are first read.
  std::map<std::pair<int, int>, std::vector<std::pair<size_t, size_t>>> answers;
};
} // namespace

static bool isTensor(const Instruction &instruction) {
  return instruction.isMessage() && !isMove(instruction.action.kind);
}

MessageLife &Lives::use(int device, const Tensor &tensor, size_t at) {
  int stage = tensor.sort == Tensor::Output ? tensor.stage : tensor.stage - 1;
  auto [entry, isNew] = known[device].try_emplace(tensorKey(program.placement, tensor));
  MessageLife &life = entry->second;
  if (isNew)
    life = {MessageLife::Local, costs.stage(stage).message, at, SIZE_MAX, at};
  life.last = at;
  return life;
}

void Lives::read(int device, const Tensor &tensor, size_t at) {
  MessageLife &life = use(device, tensor, at);
  life.read = std::min(life.read, at);
}

/// What a run reads of other stages, and makes for them.
void Lives::addRun(int device, const Action &action, size_t at) {
  int stage = action.stage, m = action.microbatch, last = program.placement.stages() - 1;
  const StageCost &cost = costs.stage(stage);
  bool isEmpty = program.placement.hasEmptyForward(stage);
  bool isForward = (action.kind == Kind::F && !isEmpty) || action.kind == Kind::R;
  bool isInput = makesInputGradient(action.kind), isWeight = makesWeightGradient(action.kind);
  bool readsInput = isForward || (isInput && cost.inputReader != Kind::F) ||
                    (isWeight && cost.inputReader == Kind::W);
  bool readsGradient = isInput || (isWeight && cost.gradientReader == Kind::W);
  if (stage > 0 && readsInput)
    read(device, {Tensor::Output, stage - 1, m}, at);
  if (stage < last && readsGradient)
    read(device, {Tensor::Gradient, stage + 1, m}, at);
  if (stage < last && action.kind == Kind::F)
    use(device, {Tensor::Output, stage, m}, at);
  if (stage > 0 && isInput)
    use(device, {Tensor::Gradient, stage, m}, at);
}

void Lives::collect(int device) {
  const std::vector<Instruction> &list = program.devices[device];
  for (size_t at = 0; at < list.size(); ++at)
    if (list[at].op == Op::Run)
      addRun(device, list[at].action, at);
    else if (isTensor(list[at]))
      use(device, tensorOf(list[at].action), at).sort =
          list[at].op == Op::Recv ? MessageLife::Received : MessageLife::Sent;
}

void Lives::collectAnswers(int device) {
  const std::vector<Instruction> &list = program.devices[device];
  for (size_t at = 0; at < list.size(); ++at)
    if (isTensor(list[at]) && list[at].op == Op::Send) {
      const auto &there = known[list[at].peer];
      if (auto life = there.find(keyOf(list[at].action));
          life != there.end() && life->second.read != SIZE_MAX)
        answers[{device, list[at].peer}].push_back({at, life->second.read});
    }
}

/// Where the sender of a message knows that it is received, or behind its list.
size_t Lives::whenKnown(int sender, int receiver, size_t key) const {
  size_t behind = program.devices[sender].size();
  auto sent = answers.find({receiver, sender});
  auto life = known[receiver].find(key);
  if (sent == answers.end() || life == known[receiver].end())
    return behind;
  auto answer = std::lower_bound(sent->second.begin(), sent->second.end(),
                                 std::pair(life->second.first, size_t(0)));
  return answer == sent->second.end() ? behind : answer->second;
}

void Lives::keepUntilReceived(int device) {
  for (const Instruction &instruction : program.devices[device])
    if (isTensor(instruction) && instruction.op == Op::Send) {
      size_t key = keyOf(instruction.action);
      size_t &last = known[device].at(key).last;
      last = std::max(last, whenKnown(device, instruction.peer, key) - 1);
    }
}

std::vector<std::vector<MessageLife>> Lives::take() const {
  std::vector<std::vector<MessageLife>> result;
  for (const auto &own : known) {
    std::vector<MessageLife> &list = result.emplace_back();
    for (const auto &[key, life] : own)
      list.push_back(life);
  }
  return result;
}

std::vector<std::vector<MessageLife>>
bitpipe::schedule::messageLives(const Program &program, const Costs &costs) {
  return Lives(program, costs).take();
}
