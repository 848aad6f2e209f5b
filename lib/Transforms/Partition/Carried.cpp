//===- Carried.cpp - What passes over a cut --------------------------------===//
//
// Every result of a node and the views of it form a family, for which the
// cheapest choice follows from the leaves to the root. Choices of different
// families do not depend on each other, so bytes add up.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Partition/Carried.h"

#include "lib/Dialect/Pipe/IR/TypeBytes.h"

#include <set>

using namespace mlir;
using namespace bitpipe;

Carried::Carried(const ForwardGraph &graph) : nodes(graph.nodes().size()) {
  for (Operation *op : graph.operations())
    add(op, graph);
}

void Carried::add(Operation *op, const ForwardGraph &graph) {
  std::optional<unsigned> node = graph.nodeIndex(op);
  if (node) {
    for (Value used : usedValues(op))
      if (auto place = places.find(used); place != places.end()) {
        auto [family, member] = place->second;
        families[family].members[member].lastUse = *node;
      }
    for (Value result : op->getResults()) {
      places[result] = {families.size(), 0};
      families.push_back({*node, {{result, bytesOf(result.getType()), 0}}});
    }
    return;
  }
  auto root = places.find(graph.viewed(op));
  if (root == places.end())
    return;
  auto [family, parent] = root->second;
  std::vector<Entry> &members = families[family].members;
  Value view = op->getResult(0);
  places[view] = {family, unsigned(members.size())};
  members.push_back({view, bytesOf(view.getType()), parent});
}

SmallVector<unsigned> Carried::choose(const Family &family, int node) {
  // From the views to the root: what the cheapest choice below each member is.
  size_t size = family.members.size();
  SmallVector<double> below(size, 0);
  SmallVector<bool> crosses(size, false), itself(size, false);
  for (size_t i = size; i-- > 0;) {
    const Entry &entry = family.members[i];
    bool read = entry.lastUse >= node;
    itself[i] = read || (crosses[i] && entry.bytes <= below[i]);
    crosses[i] = crosses[i] || read;
    if (i == 0 || !crosses[i])
      continue;
    crosses[entry.parent] = true;
    below[entry.parent] += itself[i] ? entry.bytes : below[i];
  }
  // From the root to the views: those whose ancestors are not carried.
  SmallVector<unsigned> chosen;
  SmallVector<bool> covered(size, false);
  for (size_t i = 0; i < size; ++i) {
    covered[i] = i > 0 && covered[family.members[i].parent];
    if (covered[i] || !crosses[i] || !itself[i])
      continue;
    chosen.push_back(i);
    covered[i] = true;
  }
  return chosen;
}

std::vector<double> Carried::bytes() const {
  // The change of bytes from one cut to the next, summed up at the end.
  std::vector<double> change(nodes + 1, 0);
  for (const Family &family : families) {
    std::set<int> uses; // What is carried changes only after a last use.
    for (const Entry &entry : family.members)
      if (entry.lastUse > int(family.madeBy))
        uses.insert(entry.lastUse);
    int begin = family.madeBy + 1;
    for (int use : uses) {
      double carried = 0;
      for (unsigned member : choose(family, begin))
        carried += family.members[member].bytes;
      change[begin] += carried;
      change[use + 1] -= carried;
      begin = use + 1;
    }
  }
  std::vector<double> total(nodes, 0);
  double running = 0;
  for (unsigned node = 0; node < nodes; ++node)
    total[node] = running += change[node];
  return total;
}

SmallVector<Value> Carried::values(unsigned node) const {
  SmallVector<Value> carried;
  for (const Family &family : families) {
    if (family.madeBy >= node)
      break;
    for (unsigned member : choose(family, node))
      carried.push_back(family.members[member].value);
  }
  return carried;
}
