//===- SentUntil.cpp - How long what is sent stays where it is -------------===//

#include "lib/Transforms/Schedule/Check/SentUntil.h"

#include "lib/Transforms/Schedule/Check/CheckText.h"

#include <algorithm>
#include <map>

using namespace bitpipe::schedule;
using Op = Instruction::Op;

namespace {
/// Where a message is received and first read.
struct Receipt {
  int device = -1, receive = -1, read = -1;
};

class Knowledge {
public:
  explicit Knowledge(const Program &program);
  /// The position at which the sender of a message knows that it is received, or behind its list.
  int of(int sender, int receiver, const Action &made) const;

private:
  size_t keyOf(const Action &made) const {
    return tensorKey(program.placement, tensorOf(made));
  }
  void collectReceipts(int device);
  void collectAnswers(int device);

  const Program &program;
  std::vector<Receipt> receipts; // by tensorKey
  /// By their sender and receiver, in order: where messages are sent, and where they are first read.
  std::map<std::pair<int, int>, std::vector<std::pair<int, int>>> answers;
};
} // namespace

static bool sendsTensor(const Instruction &instruction) {
  return instruction.op == Op::Send && !isMove(instruction.action.kind);
}

Knowledge::Knowledge(const Program &program)
    : program(program), receipts(tensorCount(program.placement)) {
  for (int device = 0; device < int(program.devices.size()); ++device)
    collectReceipts(device);
  for (int device = 0; device < int(program.devices.size()); ++device)
    collectAnswers(device);
}

void Knowledge::collectReceipts(int device) {
  const std::vector<Instruction> &list = program.devices[device];
  for (size_t i = 0; i < list.size(); ++i) {
    if (list[i].op == Op::Recv && !isMove(list[i].action.kind))
      receipts[keyOf(list[i].action)] = {device, int(i), -1};
    if (list[i].op != Op::Run)
      continue;
    std::optional<Tensor> read = received(program.placement, list[i].action);
    Receipt *receipt = read ? &receipts[tensorKey(program.placement, *read)] : nullptr;
    if (receipt && receipt->device == device && receipt->read < 0)
      receipt->read = int(i);
  }
}

void Knowledge::collectAnswers(int device) {
  const std::vector<Instruction> &list = program.devices[device];
  for (size_t i = 0; i < list.size(); ++i)
    if (sendsTensor(list[i]))
      if (const Receipt &receipt = receipts[keyOf(list[i].action)]; receipt.read >= 0)
        answers[{device, list[i].peer}].push_back({int(i), receipt.read});
}

int Knowledge::of(int sender, int receiver, const Action &made) const {
  int behind = int(program.devices[sender].size());
  auto sent = answers.find({receiver, sender});
  int receive = receipts[keyOf(made)].receive;
  if (sent == answers.end() || receive < 0)
    return behind;
  auto answer = std::lower_bound(sent->second.begin(), sent->second.end(), std::pair(receive, 0));
  return answer == sent->second.end() ? behind : answer->second;
}

std::vector<std::vector<int>> bitpipe::schedule::sentUntil(const Program &program) {
  Knowledge known(program);
  std::vector<std::vector<int>> result;
  for (int device = 0; device < int(program.devices.size()); ++device) {
    const std::vector<Instruction> &list = program.devices[device];
    std::vector<int> &until = result.emplace_back(list.size(), -1);
    for (int i = 0; i < int(list.size()); ++i)
      if (sendsTensor(list[i]))
        until[i] = std::max(i, known.of(device, list[i].peer, list[i].action) - 1);
  }
  return result;
}
