//===- Links.cpp - Which transmit meets which receive, and which sums -----===//

#include "lib/Runtime/Plan/Links.h"

#include "lib/Runtime/Error.h"

#include <algorithm>
#include <map>

using namespace bitpipe;

namespace {

/// The place of an instruction: device and position.
struct Position {
  int64_t device;
  size_t index;
};

class Matcher {
public:
  explicit Matcher(const Program &program) : program(program) {
    for (const DeviceList &device : program.devices) {
      size_t count = device.instructions.size();
      links.devices.push_back({{}, std::vector<int64_t>(count, -1), {}});
    }
  }

  Links match() {
    collect();
    for (auto &[pair, sends] : sent)
      matchPair(pair.first, pair.second, sends, received[pair]);
    for (auto &[pair, receives] : received)
      if (!sent.count(pair))
        matchPair(pair.first, pair.second, {}, receives);
    for (auto &[devices, members] : sums)
      matchSums(devices, members);
    return std::move(links);
  }

private:
  using Pair = std::pair<int64_t, int64_t>; // from, to

  void collect() {
    for (size_t d = 0; d < program.devices.size(); ++d) {
      auto &instructions = program.devices[d].instructions;
      for (size_t i = 0; i < instructions.size(); ++i) {
        Position here{int64_t(d), i};
        if (auto *op = std::get_if<Transmit>(&instructions[i]))
          sent[{d, op->to}].push_back(here);
        else if (auto *op = std::get_if<Receive>(&instructions[i]))
          received[{op->from, d}].push_back(here);
        else if (auto *op = std::get_if<AllReduce>(&instructions[i]))
          sums[op->devices][d].push_back(here);
      }
    }
  }

  template <typename Op> const Op &at(Position position) const {
    return std::get<Op>(
        program.devices[position.device].instructions[position.index]);
  }
  const Slot &slot(int64_t device, int64_t index) const {
    return program.devices[device].slots[index];
  }
  template <typename... Parts>
  [[noreturn]] void failBlocks(const Parts &...parts) {
    fail(program.path, ": error: the plan would block: ", parts...);
  }
  template <typename... Parts>
  [[noreturn]] void failHere(const Parts &...parts) {
    fail(program.path, ": error: ", parts...);
  }

  void matchPair(int64_t from, int64_t to, const std::vector<Position> &sends,
                 const std::vector<Position> &receives) {
    for (size_t k = 0; k < std::min(sends.size(), receives.size()); ++k)
      matchMessage(k, sends[k], receives[k]);
    if (sends.size() != receives.size())
      failBlocks("device ", from, " sends ", sends.size(),
                 " tensors to device ", to, ", which waits for ",
                 receives.size());
  }

  void matchMessage(size_t k, Position sender, Position receiver) {
    const auto &send = at<Transmit>(sender);
    const auto &receive = at<Receive>(receiver);
    if (send.run != receive.run)
      failBlocks("device ", receiver.device, " waits for ", text(receive.run),
                 " as message ", k, " from device ", sender.device,
                 ", which sends ", text(send.run),
                 " there, expected one order on both");
    const Slot &source = slot(sender.device, send.slot);
    const Slot &target = slot(receiver.device, receive.slot);
    if (source.size != target.size)
      failHere("message ", text(send.run), " has ", source.size,
               " bytes on device ", sender.device, " and ", target.size,
               " on device ", receiver.device);
    bool swap = send.handover && source.source == SlotSource::Message &&
                target.source == SlotSource::Message;
    start(sender, links.messages.size());
    start(receiver, links.messages.size());
    links.messages.push_back({send.run, sender.device, receiver.device,
                              send.slot, receive.slot, source.size, swap});
  }

  void matchSums(const std::vector<int64_t> &devices,
                 const std::map<int64_t, std::vector<Position>> &members) {
    size_t count = members.begin()->second.size();
    for (int64_t device : devices) {
      auto found = members.find(device);
      size_t got = found == members.end() ? 0 : found->second.size();
      if (got != count)
        failBlocks("device ", members.begin()->first, " waits for ", count,
                   " sums over devices ", listText(devices),
                   ", of which device ", device, " starts ", got);
    }
    for (size_t k = 0; k < count; ++k)
      matchSum(devices, members, k);
  }

  void matchSum(const std::vector<int64_t> &devices,
                const std::map<int64_t, std::vector<Position>> &members,
                size_t k) {
    ReductionLink sum{{}, devices, {}, 0};
    for (int64_t device : devices) {
      Position member = members.at(device)[k];
      const auto &op = at<AllReduce>(member);
      int64_t size = slot(device, op.slot).size;
      if (sum.slots.empty()) {
        sum.stages = op.stages;
        sum.elements = size / sizeof(float);
      }
      if (op.stages != sum.stages)
        failBlocks("device ", devices.front(), " waits for stages ",
                   listText(sum.stages), " as sum ", k, " over devices ",
                   listText(devices), ", where device ", device,
                   " starts stages ", listText(op.stages),
                   ", expected one order on all");
      if (size / int64_t(sizeof(float)) != sum.elements)
        failHere("gradients of stages ", listText(sum.stages), " have ",
                 sum.elements * sizeof(float), " bytes on device ",
                 devices.front(), " and ", size, " on device ", device);
      sum.slots.push_back(op.slot);
      start(member, links.reductions.size());
    }
    links.reductions.push_back(std::move(sum));
  }

  void start(Position position, int64_t number) {
    links.devices[position.device].starts[position.index] = number;
  }

  const Program &program;
  Links links;
  std::map<Pair, std::vector<Position>> sent, received;
  std::map<std::vector<int64_t>, std::map<int64_t, std::vector<Position>>> sums;
};

} // namespace

Links bitpipe::deriveLinks(const Program &program) {
  Links links = Matcher(program).match();
  for (size_t d = 0; d < program.devices.size(); ++d)
    findWaits(program, program.devices[d], links.devices[d]);
  return links;
}
