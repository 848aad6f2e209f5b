//===- CheckMessages.cpp - Every message has its two ends ------------------===//

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

/// Where the ends of a channel's messages are, on the first of its devices and on the other.
struct ChannelEnds {
  std::vector<int> first, other;
};

static std::vector<ChannelEnds> endsOf(const Program &program) {
  std::vector<ChannelEnds> ends(program.channels.size());
  for (int device = 0; device < int(program.devices.size()); ++device)
    for (size_t i = 0; i < program.devices[device].size(); ++i)
      if (const Instruction &instruction = program.devices[device][i]; instruction.isMessage()) {
        ChannelEnds &own = ends[instruction.channel];
        (isFirstEnd(program, device, instruction) ? own.first : own.other).push_back(int(i));
      }
  return ends;
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
  std::vector<ChannelEnds> all = endsOf(program);
  for (size_t channel = 0; channel < all.size(); ++channel) {
    auto [from, to] = program.channels[channel];
    const auto &[first, other] = all[channel];
    for (size_t k = 0; k < std::max(first.size(), other.size()); ++k) {
      auto lacks = [&](int device, int position, int peer) {
        return violation("pairing", program, device, position,
                         std::string("has no ") +
                             otherEnd(program.devices[device][position]) + " on device " +
                             std::to_string(peer));
      };
      if (k >= other.size())
        return lacks(from, first[k], to);
      if (k >= first.size())
        return lacks(to, other[k], from);
      const Instruction &mine = program.devices[from][first[k]];
      const Instruction &theirs = program.devices[to][other[k]];
      if (areOne(mine, theirs))
        continue;
      return violation("pairing", program, to, other[k],
                       "is message " + std::to_string(k) + " of its channel with device " +
                           std::to_string(from) + ", which has at this turn " +
                           placeText(program, from, first[k]));
    }
  }
  return {};
}
