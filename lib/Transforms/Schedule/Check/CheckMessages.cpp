//===- CheckMessages.cpp - Every message has its two ends ------------------===//

#include "lib/Transforms/Schedule/Check/CheckText.h"

#include <map>

using namespace bitpipe::schedule;
using Op = Instruction::Op;

namespace {
/// Counts the ends of every message, by tensorKey.
class Ends {
public:
  Ends(const Program &program)
      : program(program), placement(program.placement),
        made(size(), false), sent(size(), false), received(size(), false) {}

  Checked visit(int device, int position);
  Checked missing() const;

private:
  size_t size() const {
    return tensorCount(placement);
  }
  Checked visitMessage(int device, int position);

  const Program &program;
  const Placement &placement;
  std::vector<bool> made, sent, received;
};
} // namespace

Checked Ends::visit(int device, int position) {
  const Instruction &instruction = program.devices[device][position];
  if (instruction.op == Op::Run)
    for (const Tensor &tensor : effect(placement, instruction.action).makes)
      made[tensorKey(placement, tensor)] = true;
  if (instruction.op == Op::Send || instruction.op == Op::Recv)
    return visitMessage(device, position);
  return {};
}

Checked Ends::visitMessage(int device, int position) {
  const Instruction &instruction = program.devices[device][position];
  const Action &action = instruction.action;
  auto fail = [&](const std::string &what) {
    return violation("messages", program, device, position, what);
  };
  Tensor tensor = tensorOf(action);
  if (travels(tensor.sort) && readerStage(placement, tensor) < 0)
    return fail("no stage reads this tensor, expected no message");
  std::optional<Ways> way = wayOf(placement, tensor);
  if (!way)
    return fail("is read on the device that makes it, expected no message");
  bool isSend = instruction.op == Op::Send;
  if ((isSend ? device : instruction.peer) != way->from ||
      (isSend ? instruction.peer : device) != way->to)
    return fail("expected from device " + std::to_string(way->from) +
                " to device " + std::to_string(way->to) + " by its route");
  size_t key = tensorKey(placement, tensor);
  if (isSend && travels(tensor.sort) && !made[key])
    return fail("sends before the run that makes the tensor");
  std::vector<bool> &ends = isSend ? sent : received;
  if (ends[key])
    return fail(isSend ? "sends a second time, expected once"
                       : "receives a second time, expected once");
  ends[key] = true;
  return {};
}

Checked Ends::missing() const {
  for (Tensor::Sort sort : {Tensor::Output, Tensor::Gradient})
    for (int stage = 0; stage < placement.stages(); ++stage)
      for (int m = 0; m < placement.microbatches(); ++m) {
        Tensor tensor{sort, stage, m};
        std::optional<Ways> way = wayOf(placement, tensor);
        if (!way)
          continue;
        auto [from, to] = *way;
        size_t key = tensorKey(placement, tensor);
        std::string what = std::string(sort == Tensor::Output ? "the activation"
                                                              : "the gradient") +
                           " of stage " + std::to_string(stage) + " mb " +
                           std::to_string(m);
        if (!sent[key])
          return violation("messages", from,
                           what + " is never sent, expected once to device " +
                               std::to_string(to));
        if (!received[key])
          return violation("messages", to,
                           what + " is never received, expected once from "
                                  "device " +
                               std::to_string(from));
      }
  return {};
}

Checked bitpipe::schedule::checkMessages(const Program &program) {
  Ends ends(program);
  for (size_t device = 0; device < program.devices.size(); ++device)
    for (size_t i = 0; i < program.devices[device].size(); ++i)
      if (Checked wrong = ends.visit(int(device), int(i)))
        return wrong;
  return ends.missing();
}

/// Positions of the sends and of the receives between two devices.
struct Pair {
  std::vector<int> sends, receives;
};

Checked bitpipe::schedule::checkPairing(const Program &program) {
  std::map<std::pair<int, int>, Pair> pairs;
  for (int device = 0; device < int(program.devices.size()); ++device)
    for (size_t i = 0; i < program.devices[device].size(); ++i) {
      const Instruction &instruction = program.devices[device][i];
      if (instruction.op == Op::Send)
        pairs[{device, instruction.peer}].sends.push_back(int(i));
      if (instruction.op == Op::Recv)
        pairs[{instruction.peer, device}].receives.push_back(int(i));
    }
  for (const auto &[ends, pair] : pairs) {
    auto [from, to] = ends;
    for (size_t k = 0; k < std::max(pair.sends.size(), pair.receives.size());
         ++k) {
      if (k >= pair.receives.size())
        return violation("pairing", program, from, pair.sends[k],
                         "has no receive on device " + std::to_string(to));
      if (k >= pair.sends.size())
        return violation("pairing", program, to, pair.receives[k],
                         "has no send on device " + std::to_string(from));
      const Action &sent = program.devices[from][pair.sends[k]].action;
      const Action &expected = program.devices[to][pair.receives[k]].action;
      if (sent.kind == expected.kind && sent.stage == expected.stage &&
          sent.microbatch == expected.microbatch)
        continue;
      return violation("pairing", program, to, pair.receives[k],
                       "is message " + std::to_string(k) + " from device " +
                           std::to_string(from) + ", which sends at this turn " +
                           placeText(program, from, pair.sends[k]));
    }
  }
  return {};
}
