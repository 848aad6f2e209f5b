//===- Exchanges.cpp - Who exchanges what in a collective -------------------===//

#include "lib/Runtime/Plan/Exchanges.h"

#include <algorithm>

using namespace bitpipe;

size_t Exchange::indexOf(int64_t device) const {
  return size_t(std::ranges::find(devices, device) - devices.begin());
}

static void appendPieces(Range slice, int64_t most, std::vector<Range> &pieces) {
  for (int64_t begin = slice.begin; begin < slice.end; begin += most)
    pieces.push_back({begin, std::min(begin + most, slice.end)});
}

namespace {
/// The exchanges of a collective whose members are on several nodes. Slices are numbered by the
/// place of their members within their nodes: those of the first ones, of the second ones.
class Levels {
public:
  Levels(const CollectiveLink &link, int64_t most) : link(link), most(most) {
    for (const auto &members : link.nodes)
      places = std::max(places, members.size());
  }

  /// Members of each node sum or give to each other all slices that they answer for there.
  Phase within(Collective::Kind kind) const {
    Phase phase;
    for (const auto &members : link.nodes) {
      Exchange exchange = exchangeOf(kind, members);
      for (size_t place = 0; place < places; ++place)
        for (size_t member : membersAt(place))
          appendPieces(link.sliceOf(member), most, exchange.pieces[place % members.size()]);
      phase.push_back(std::move(exchange));
    }
    return phase;
  }

  /// Those who answer for the slices of a place sum or give them to each other.
  Phase between(Collective::Kind kind) const {
    Phase phase;
    for (size_t place = 0; place < places; ++place) {
      std::vector<size_t> answering;
      for (const auto &members : link.nodes)
        answering.push_back(members[place % members.size()]);
      Exchange exchange = exchangeOf(kind, answering);
      exchange.ofSlices = kind != Collective::AllReduce;
      for (size_t member : membersAt(place))
        appendPieces(link.sliceOf(member), most, exchange.pieces[exchange.indexOf(link.devices[member])]);
      phase.push_back(std::move(exchange));
    }
    return phase;
  }

private:
  Exchange exchangeOf(Collective::Kind kind, const std::vector<size_t> &members) const {
    Exchange exchange{kind, {}, std::vector<std::vector<Range>>(members.size()), false};
    for (size_t member : members)
      exchange.devices.push_back(link.devices[member]);
    return exchange;
  }

  /// Of the nodes that have so many.
  std::vector<size_t> membersAt(size_t place) const {
    std::vector<size_t> members;
    for (const auto &node : link.nodes)
      if (place < node.size())
        members.push_back(node[place]);
    return members;
  }

  const CollectiveLink &link;
  const int64_t most;
  size_t places = 0;
};
} // namespace

static Exchange allAtOnce(const CollectiveLink &link, int64_t most) {
  Exchange exchange{link.kind, link.devices, {}, link.kind != Collective::AllReduce};
  for (size_t member = 0; member < link.devices.size(); ++member)
    appendPieces(link.sliceOf(member), most, exchange.pieces.emplace_back());
  return exchange;
}

std::vector<Phase> bitpipe::phasesOf(const CollectiveLink &link, int64_t most) {
  if (link.nodes.empty())
    return {{allAtOnce(link, most)}};
  Levels levels(link, most);
  switch (link.kind) {
  case Collective::AllReduce:
    return {levels.within(Collective::ReduceScatter), levels.between(Collective::AllReduce),
            levels.within(Collective::AllGather)};
  case Collective::ReduceScatter:
    return {levels.within(Collective::ReduceScatter), levels.between(Collective::ReduceScatter)};
  case Collective::AllGather:
    return {levels.between(Collective::AllGather), levels.within(Collective::AllGather)};
  }
  return {};
}
