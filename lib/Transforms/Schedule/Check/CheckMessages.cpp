//===- CheckMessages.cpp - Every message has its two ends ------------------===//

#include "lib/Transforms/Schedule/Check/ChannelEnds.h"
#include "lib/Transforms/Schedule/Check/CheckText.h"

#include <algorithm>

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
  if (instruction.isMessage())
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

/// Of all that is to be sent; that it is received is readiness of what reads it.
Checked Ends::missing() const {
  for (Tensor::Sort sort : {Tensor::Output, Tensor::Gradient})
    for (int stage = 0; stage < placement.stages(); ++stage)
      for (int m = 0; m < placement.microbatches(); ++m) {
        Tensor tensor{sort, stage, m};
        std::optional<Ways> way = wayOf(placement, tensor);
        if (way && !sent[tensorKey(placement, tensor)])
          return violation("messages", way->from,
                           std::string(sort == Tensor::Output ? "the activation" : "the gradient") +
                               " of stage " + std::to_string(stage) + " mb " + std::to_string(m) +
                               " is never sent, expected once to device " +
                               std::to_string(way->to));
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

static const char *otherEnd(const Instruction &end) {
  return end.op == Op::Send ? "receive" : "send";
}

/// Whether two ends are those of one message.
static bool areOne(const Instruction &one, const Instruction &other) {
  return one.op != other.op && one.action.kind == other.action.kind &&
         one.action.stage == other.action.stage &&
         one.action.microbatch == other.action.microbatch;
}

Checked bitpipe::schedule::checkPairing(const Program &program) {
  for (const auto &[first, other] : endsOf(program)) {
    size_t both = std::min(first.positions.size(), other.positions.size());
    for (size_t k = 0; k < both; ++k) {
      int mine = first.positions[k], theirs = other.positions[k];
      if (!areOne(program.devices[first.device][mine], program.devices[other.device][theirs]))
        return violation("pairing", program, other.device, theirs,
                         "is message " + std::to_string(k) + " of its channel with device " +
                             std::to_string(first.device) + ", which has at this turn " +
                             placeText(program, first.device, mine));
    }
    for (const auto &[side, peer] : {std::pair(first, other.device), std::pair(other, first.device)})
      if (both < side.positions.size())
        return violation("pairing", program, side.device, side.positions[both],
                         std::string("has no ") +
                             otherEnd(program.devices[side.device][side.positions[both]]) +
                             " on device " + std::to_string(peer));
  }
  return {};
}
