//===- nodes-test.cpp - What is said of a plan's nodes and a run's hosts ----===//

#include "lib/Runtime/Train/Nodes.h"

#include <cstdio>
#include <cstdlib>

using namespace bitpipe;

using Hosts = std::vector<std::string>;

/// Of a sum over these devices in a plan of nodes of so many, 0: none. Expects a remark with
/// that text in it, or none.
static void check(const std::vector<int64_t> &devices, int64_t perNode, const Hosts &hosts,
                  const std::string &expected) {
  Program program;
  program.devicesPerNode = perNode;
  Links links;
  links.collectives.push_back({Collective::AllReduce, {0}, devices, {}, 0, 0, {}});
  std::string got = remarkOnNodes(program, links, hosts);
  if (expected.empty() ? got.empty() : got.find(expected) != std::string::npos)
    return;
  std::fprintf(stderr, "got '%s', expected '%s'\n", got.c_str(), expected.c_str());
  std::exit(1);
}

int main() {
  Hosts pairs = {"a", "a", "b", "b"};
  check({0, 1, 2, 3}, 2, pairs, "");
  check({0, 1, 2, 3}, 1, pairs, "");
  check({0, 1, 2, 3}, 2, {"a", "a", "a", "a"}, "");
  check({0, 1, 2, 3}, 2, {"a", "b", "b", "c"}, "devices 0 to 1 are on 2 hosts");
  check({0, 1, 2, 3}, 3, {"a", "a", "a", "b"}, "");
  check({0, 1, 2, 3}, 4, pairs, "devices 0 to 3 are on 2 hosts");

  check({0, 1, 2, 3}, 0, pairs, "up to 2 times as much between hosts");
  check({0, 1, 2, 3}, 0, pairs, "--devices-per-node=2");
  check({0, 1, 2, 3, 4}, 0, {"a", "a", "b", "b", "c"}, "--devices-per-node=2");
  check({0, 3}, 0, pairs, "");                       // each host has one of them
  check({0, 1}, 0, pairs, "");                       // one host has both
  check({0, 1, 2, 3}, 0, {"a", "b", "c", "d"}, "");
  check({0, 1, 2, 3}, 0, {"a", "a", "a", "a"}, "");
  check({0, 1, 2, 3}, 0, {"a", "b", "a", "b"}, ""); // no option says which are together
  check({0, 1, 2, 3}, 0, {"a", "b", "b", "b"}, "");
}
