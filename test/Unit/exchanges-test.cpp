//===- exchanges-test.cpp - Sums and gathers by nodes -----------------------===//
//
// The phases of collectives over devices on nodes of all small shapes, on texts in the place
// of numbers: what every device ends with is what the collective is for, each contribution
// once and in the promised order; nothing that goes on side by side touches what another
// reads or writes; and of what leaves a node there is no more than must be.
//
//===----------------------------------------------------------------------===//

#include "lib/Runtime/Plan/Exchanges.h"

#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <string>

using namespace bitpipe;

namespace {

using Texts = std::vector<std::string>; // by element

/// The nodes of devices with the numbers 0 to before their sum.
using Sizes = std::vector<size_t>;

CollectiveLink linkOver(const Sizes &nodes, Collective::Kind kind, int64_t slice) {
  CollectiveLink link{kind, {0}, {}, {}, 0, slice, {}};
  for (size_t size : nodes) {
    link.nodes.emplace_back();
    for (size_t i = 0; i < size; ++i) {
      link.nodes.back().push_back(link.devices.size());
      link.devices.push_back(int64_t(link.devices.size()));
    }
  }
  link.elements = slice * int64_t(link.devices.size());
  if (kind != Collective::AllReduce)
    for (size_t i = 0; i <= link.devices.size(); ++i)
      link.bounds.push_back(int64_t(i) * slice);
  return link;
}

class Machine {
public:
  explicit Machine(const CollectiveLink &link)
      : all(link.devices.size(), Texts(link.elements)), kept(all) {
    for (size_t d = 0; d < all.size(); ++d)
      for (int64_t e = 0; e < link.elements; ++e)
        (link.kind == Collective::AllGather ? kept : all)[d][e] = std::to_string(d);
  }

  void run(const std::vector<Phase> &phases) {
    for (const Phase &phase : phases) {
      touched.clear();
      for (const Exchange &exchange : phase)
        perform(exchange);
    }
  }

  std::vector<Texts> all, kept; // slots of all slices, and what devices keep of their own
  std::map<std::pair<int64_t, int64_t>, int64_t> sent; // elements from device to device

private:
  void perform(const Exchange &exchange) {
    for (size_t i = 0; i < exchange.devices.size(); ++i)
      for (Range piece : exchange.pieces[i])
        for (int64_t e = piece.begin; e < piece.end; ++e)
          perform(exchange, exchange.devices[i], e);
  }

  void perform(const Exchange &exchange, int64_t owner, int64_t e) {
    std::string &own = (exchange.ofSlices ? kept : all)[owner][e];
    std::string result;
    if (exchange.kind == Collective::AllGather) {
      result = own;
    } else {
      for (int64_t device : exchange.devices) {
        touch(device, e, &exchange);
        result += (result.empty() ? "(" : "+") + all[device][e];
        count(device, owner);
      }
      own = result += ")";
    }
    if (exchange.kind == Collective::ReduceScatter)
      return;
    for (int64_t device : exchange.devices) {
      touch(device, e, &exchange);
      all[device][e] = result;
      count(owner, device);
    }
  }

  void count(int64_t from, int64_t to) {
    if (from != to)
      ++sent[{from, to}];
  }

  /// An element of a device is one exchange's in a phase.
  void touch(int64_t device, int64_t e, const Exchange *exchange) {
    if (touched.try_emplace({device, e}, exchange).first->second != exchange) {
      std::fprintf(stderr, "element %lld of device %lld is in two exchanges of a phase\n",
                   (long long)e, (long long)device);
      std::exit(1);
    }
  }

  std::map<std::pair<int64_t, int64_t>, const Exchange *> touched;
};

std::string sumText(const Sizes &nodes) {
  std::string text;
  size_t device = 0;
  for (size_t size : nodes) {
    std::string node;
    for (size_t i = 0; i < size; ++i)
      node += (i ? "+" : "(") + std::to_string(device++);
    text += (text.empty() ? "(" : "+") + node + ")";
  }
  return text + ")";
}

void expect(const std::string &what, const std::string &got, const std::string &expected) {
  if (got == expected)
    return;
  std::fprintf(stderr, "%s: got %s, expected %s\n", what.c_str(), got.c_str(), expected.c_str());
  std::exit(1);
}

std::string textOf(const Sizes &nodes, Collective::Kind kind) {
  std::string text = "kind " + std::to_string(kind) + ", nodes of";
  for (size_t size : nodes)
    text += " " + std::to_string(size);
  return text;
}

/// What all devices have of every element, and each of its slice.
void checkResults(const CollectiveLink &link, const Sizes &nodes, const Machine &machine) {
  std::string what = textOf(nodes, link.kind);
  for (size_t d = 0; d < link.devices.size(); ++d)
    for (size_t owner = 0; owner < link.devices.size(); ++owner)
      for (int64_t e = link.sliceOf(owner).begin; e < link.sliceOf(owner).end; ++e) {
        if (link.kind == Collective::AllReduce)
          expect(what, machine.all[d][e], sumText(nodes));
        if (link.kind == Collective::AllGather)
          expect(what, machine.all[d][e], std::to_string(owner));
        if (link.kind == Collective::ReduceScatter && d == owner)
          expect(what, machine.kept[d][e], sumText(nodes));
      }
}

/// Elements that leave each node: of every slice that is another's its own sum, and its own slices to
/// every other node. Slices of a machine of that many elements may not be as long as each other.
void checkTraffic(const CollectiveLink &link, const Sizes &nodes, const Machine &machine) {
  auto nodeOf = [&](int64_t device) {
    size_t node = 0;
    for (int64_t before = int64_t(nodes[0]); device >= before; before += int64_t(nodes[node]))
      ++node;
    return node;
  };
  std::vector<int64_t> left(nodes.size()), own(nodes.size());
  for (auto &[pair, elements] : machine.sent)
    if (nodeOf(pair.first) != nodeOf(pair.second))
      left[nodeOf(pair.first)] += elements;
  for (size_t d = 0; d < link.devices.size(); ++d)
    own[nodeOf(int64_t(d))] += link.sliceOf(d).count();
  for (size_t node = 0; node < nodes.size(); ++node) {
    int64_t sums = link.elements - own[node], results = own[node] * int64_t(nodes.size() - 1);
    int64_t expected = (link.kind != Collective::AllGather ? sums : 0) +
                       (link.kind != Collective::ReduceScatter ? results : 0);
    expect(textOf(nodes, link.kind) + ": elements that leave node " + std::to_string(node),
           std::to_string(left[node]), std::to_string(expected));
  }
}

void check(const Sizes &nodes) {
  for (auto kind : {Collective::AllReduce, Collective::ReduceScatter, Collective::AllGather}) {
    CollectiveLink link = linkOver(nodes, kind, 65);
    std::vector<Phase> phases = phasesOf(link, 40);
    expect(textOf(nodes, kind) + ": phases", std::to_string(phases.size()),
           kind == Collective::AllReduce ? "3" : "2");
    Machine machine(link);
    machine.run(phases);
    checkResults(link, nodes, machine);
    checkTraffic(link, nodes, machine);
  }
}

} // namespace

int main() {
  int shapes = 0;
  for (size_t a = 1; a <= 4; ++a)
    for (size_t b = 1; b <= 4; ++b)
      for (size_t c = 0; c <= 3; ++c, ++shapes)
        check(c ? Sizes{a, b, c} : Sizes{a, b});
  expect("shapes", std::to_string(shapes), "64");
}
