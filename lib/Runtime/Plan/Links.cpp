//===- Links.cpp - Who meets whom in messages and collectives --------------===//

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
      links.devices.push_back({{}, std::vector<int64_t>(count, -1), {}, {}});
    }
  }

  Links match() {
    collect();
    for (auto &[pair, sends] : sent)
      matchPair(pair.first, pair.second, sends, received[pair]);
    for (auto &[pair, receives] : received)
      if (!sent.count(pair))
        matchPair(pair.first, pair.second, {}, receives);
    for (auto &[devices, members] : collectives)
      matchCollectives(devices, members);
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
        else if (auto *op = std::get_if<Collective>(&instructions[i]))
          collectives[op->devices][d].push_back(here);
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

  void matchCollectives(const std::vector<int64_t> &devices,
                        const std::map<int64_t, std::vector<Position>> &members) {
    size_t count = members.begin()->second.size();
    for (int64_t device : devices) {
      auto found = members.find(device);
      size_t got = found == members.end() ? 0 : found->second.size();
      if (got != count)
        failBlocks("device ", members.begin()->first, " waits for ", count,
                   " sums and gathers over devices ", listText(devices),
                   ", of which device ", device, " starts ", got);
    }
    for (size_t k = 0; k < count; ++k)
      matchCollective(devices, members, k);
  }

  void matchCollective(const std::vector<int64_t> &devices,
                       const std::map<int64_t, std::vector<Position>> &members, size_t k) {
    const auto &first = at<Collective>(members.at(devices.front())[k]);
    int64_t elements = elementsOf(first, devices.front());
    CollectiveLink link{first.kind, first.stages, devices, {}, elements, first.slice, {}};
    for (int64_t device : devices) {
      Position member = members.at(device)[k];
      const auto &op = at<Collective>(member);
      if (op.stages != first.stages || op.kind != first.kind)
        failBlocks("device ", devices.front(), " waits for '", text(Instruction(first)),
                   "' as number ", k, " over devices ", listText(devices),
                   ", where device ", device, " starts '", text(Instruction(op)),
                   "', expected one order on all");
      if (op.slice != first.slice)
        failHere("'", text(Instruction(op)), "' has slices of ", first.slice, " on device ",
                 devices.front(), " and of ", op.slice, " on device ", device);
      if (op.within != first.within || isOfCopies(op, device) != isOfCopies(first, devices.front()))
        failHere("'", text(Instruction(op)), "' is of other elements on device ",
                 devices.front(), " than on device ", device);
      if (elementsOf(op, device) != elements)
        failHere("gradients of stages ", listText(op.stages), " have ",
                 elements * sizeof(float), " bytes on device ", devices.front(), " and ",
                 elementsOf(op, device) * sizeof(float), " on device ", device);
      link.slots.push_back(op.slot);
      link.own.push_back(op.own.value_or(-1));
      start(member, links.collectives.size());
    }
    if (first.kind != Collective::AllReduce)
      placeSlices(link, first.within, isOfCopies(first, devices.front()));
    if (program.devicesPerNode)
      link.nodes = nodesOf(devices, program.devicesPerNode);
    links.collectives.push_back(std::move(link));
  }

  /// None where all are on one, or each is on its own: then nothing is within or nothing between.
  static std::vector<std::vector<size_t>> nodesOf(const std::vector<int64_t> &devices, int64_t perNode) {
    std::map<int64_t, std::vector<size_t>> byNode;
    for (size_t i = 0; i < devices.size(); ++i)
      byNode[devices[i] / perNode].push_back(i);
    if (byNode.size() == 1 || byNode.size() == devices.size())
      return {};
    std::vector<std::vector<size_t>> nodes;
    for (auto &[node, members] : byNode)
      nodes.push_back(std::move(members));
    return nodes;
  }

  /// Of copies two are a word. Own slots hold those of them that are gathered, and of all else
  /// all of a slice.
  static void placeSlices(CollectiveLink &link, std::vector<Range> within, bool ofCopies) {
    if (within.empty())
      within.push_back({0, link.elements});
    for (size_t i = 0; i <= link.devices.size(); ++i) {
      int64_t begin = int64_t(i) * link.slice;
      link.bounds.push_back(countBefore(within, begin) / (ofCopies ? 2 : 1));
      if (i < link.devices.size())
        link.ownBegins.push_back(ofCopies ? 0 : std::clamp<int64_t>(within.front().begin - begin, 0, link.slice));
    }
    link.share = double(link.bounds.back()) / double(link.elements);
  }

  /// Those of the slot, or those that its slices make up.
  int64_t elementsOf(const Collective &op, int64_t device) const {
    if (op.kind == Collective::AllReduce)
      return slot(device, op.slot).size / int64_t(sizeof(float));
    return op.slice * int64_t(op.devices.size());
  }

  /// In bf16, of which each slice is half as long.
  bool isOfCopies(const Collective &op, int64_t device) const {
    return op.own && slot(device, *op.own).source == SlotSource::Working;
  }

  void start(Position position, int64_t number) {
    links.devices[position.device].starts[position.index] = number;
  }

  const Program &program;
  Links links;
  std::map<Pair, std::vector<Position>> sent, received;
  std::map<std::vector<int64_t>, std::map<int64_t, std::vector<Position>>> collectives;
};

} // namespace

Range CollectiveLink::sliceOf(size_t member) const {
  auto i = int64_t(member), members = int64_t(devices.size());
  if (kind != Collective::AllReduce)
    return {bounds[member], bounds[member + 1]};
  constexpr int64_t unit = 64; // elements of a line of a GPU's memory
  int64_t units = (elements + unit - 1) / unit;
  auto place = [&](int64_t part) { return std::min(units * part / members * unit, elements); };
  return {place(i), place(i + 1)};
}

std::pair<int64_t, int64_t> CollectiveLink::placeOfSlice(size_t member) const {
  if (own[member] >= 0)
    return {own[member], ownBegins[member]};
  return {slots[member], sliceOf(member).begin};
}

bool CollectiveLink::isEven() const { return share == 1; }

size_t CollectiveLink::memberOf(int64_t device) const {
  return size_t(std::ranges::find(devices, device) - devices.begin());
}

std::string bitpipe::nounOf(const CollectiveLink &link) {
  return (link.kind == Collective::AllGather ? "the gather of stages " : "the sum of stages ") +
         listText(link.stages);
}

Links bitpipe::deriveLinks(const Program &program) {
  Links links = Matcher(program).match();
  for (size_t d = 0; d < program.devices.size(); ++d)
    findWaits(program, program.devices[d], links.devices[d]);
  return links;
}
