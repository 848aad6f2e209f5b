//===- Links.cpp - Matches messages and sums, finds what to wait for --------===//

#include "lib/Runtime/Links.h"

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
    for (const Device &device : program.devices) {
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
  template <typename... Parts> [[noreturn]] void failHere(const Parts &...parts) {
    fail(program.path, ": error: ", parts...);
  }

  void matchPair(int64_t from, int64_t to, const std::vector<Position> &sends,
                 const std::vector<Position> &receives) {
    for (size_t k = 0; k < std::min(sends.size(), receives.size()); ++k)
      matchMessage(k, sends[k], receives[k]);
    if (sends.size() != receives.size())
      failHere("device ", from, " sends ", sends.size(), " tensors to device ",
               to, ", which receives ", receives.size(), " from it");
  }

  void matchMessage(size_t k, Position sender, Position receiver) {
    const auto &send = at<Transmit>(sender);
    const auto &receive = at<Receive>(receiver);
    if (send.run != receive.run)
      failHere("message ", k, " from device ", sender.device, " to device ",
               receiver.device, " is sent as ", text(send.run),
               " and received as ", text(receive.run),
               ", expected one order on both");
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
        failHere("device ", members.begin()->first, " starts ", count,
                 " sums over devices ", listText(devices), ", device ", device,
                 " ", got);
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
        failHere("sum ", k, " over devices ", listText(devices),
                 " is of stages ", listText(sum.stages), " on device ",
                 devices.front(), " and of stages ", listText(op.stages),
                 " on device ", device, ", expected one order on all");
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

/// A slot that an instruction reads or also writes.
struct Touched {
  int64_t slot;
  bool writes;
};

/// The slots that an instruction touches.
struct TouchedSlots {
  const Program &program;

  std::vector<Touched> operator()(const Execute &op) const {
    const std::vector<bool> &writes = program.routines[op.routine].writes;
    std::vector<Touched> touched;
    for (size_t block = 0; block < op.slots.size(); ++block)
      touched.push_back({op.slots[block], writes[block]});
    return touched;
  }
  /// Handing memory over takes it away from readers too.
  std::vector<Touched> operator()(const Transmit &op) const {
    return {{op.slot, op.handover}};
  }
  std::vector<Touched> operator()(const Receive &op) const {
    return {{op.slot, true}};
  }
  std::vector<Touched> operator()(const AllReduce &op) const {
    return {{op.slot, true}};
  }
  std::vector<Touched> operator()(const GradNorm &op) const {
    std::vector<Touched> touched;
    for (int64_t slot : op.slots)
      touched.push_back({slot, false});
    return touched;
  }
  std::vector<Touched> operator()(const Step &op) const {
    std::vector<Touched> touched = {{op.weights, true}, {op.gradients, true}};
    for (auto moment : {op.moment1, op.moment2})
      if (moment)
        touched.push_back({*moment, true});
    return touched;
  }
};

/// Finds what each instruction of a device must wait for.
class WaitFinder {
public:
  WaitFinder(const Program &program, const Device &device, DeviceLinks &links)
      : program(program), device(device), links(links) {}

  /// Walks the list twice: what is pending at its end meets its beginning.
  void find() {
    links.waits.assign(device.instructions.size(), {});
    for (bool second : {false, true})
      for (size_t i = 0; i < device.instructions.size(); ++i)
        visit(i, second);
  }

private:
  struct Pending {
    Wait wait;
    Touched touched;
    bool second; // started in the second round
  };

  void visit(size_t i, bool second) {
    const Instruction &op = device.instructions[i];
    auto touched = std::visit(TouchedSlots{program}, op);
    std::erase_if(pending, [&](const Pending &other) {
      if (std::ranges::none_of(touched, [&](Touched mine) {
            return (mine.writes || other.touched.writes) &&
                   overlap(mine.slot, other.touched.slot);
          }))
        return false;
      Wait wait = other.wait;
      wait.previousStep = second && !other.second;
      auto &waits = links.waits[i];
      if (std::ranges::find(waits, wait) == waits.end())
        waits.push_back(wait);
      return true;
    });
    if (links.starts[i] < 0)
      return;
    auto *reduce = std::get_if<AllReduce>(&op);
    if (reduce && !second)
      links.reductions.push_back(links.starts[i]);
    auto kind = reduce ? Wait::Reduction : Wait::Message;
    pending.push_back(
        {{kind, links.starts[i], false}, touched.front(), second});
  }

  bool overlap(int64_t a, int64_t b) const {
    if (a == b)
      return true;
    const Slot &x = device.slots[a], &y = device.slots[b];
    return x.inArena() && y.inArena() && x.offset < y.offset + y.size &&
           y.offset < x.offset + x.size;
  }

  const Program &program;
  const Device &device;
  DeviceLinks &links;
  std::vector<Pending> pending;
};

} // namespace

Links bitpipe::deriveLinks(const Program &program) {
  Links links = Matcher(program).match();
  for (size_t d = 0; d < program.devices.size(); ++d)
    WaitFinder(program, program.devices[d], links.devices[d]).find();
  return links;
}
