//===- Nodes.cpp - Whether a plan's nodes are the hosts that it runs on -----===//

#include "lib/Runtime/Train/Nodes.h"

#include "lib/Runtime/Error.h"
#include "lib/Runtime/Launch/Host.h"

#include <algorithm>
#include <map>

using namespace bitpipe;

using Hosts = std::vector<std::string>; // by device

static std::string remarkOnSpread(const Program &program, const Hosts &hosts) {
  auto devices = int64_t(hosts.size()), perNode = program.devicesPerNode;
  for (int64_t begin = 0; begin < devices; begin += perNode) {
    int64_t end = std::min(begin + perNode, devices);
    std::set<std::string> spread(hosts.begin() + begin, hosts.begin() + end);
    if (spread.size() > 1)
      return joined("the plan sums first within nodes of ", perNode, " devices, but devices ", begin, " to ",
                    end - 1, " are on ", spread.size(),
                    " hosts: more travels between these than must (bitpipe-opt --devices-per-node)");
  }
  return "";
}

/// How many devices each host has, where it is as many and they follow each other; else 0.
static int64_t devicesPerHost(const Hosts &hosts) {
  auto perHost = std::ranges::count(hosts, hosts.front());
  for (size_t d = 0; d < hosts.size(); ++d)
    if (hosts[d] != hosts[d / perHost * perHost] || (d % perHost == 0 && d && hosts[d] == hosts[d - 1]))
      return 0;
  return perHost;
}

/// The most members of one collective that are on one host, while others are elsewhere.
static int64_t mostTogether(const Links &links, const Hosts &hosts) {
  int64_t most = 0;
  for (const CollectiveLink &link : links.collectives) {
    std::map<std::string, int64_t> counts;
    for (int64_t device : link.devices)
      ++counts[hosts[device]];
    for (const auto &[host, count] : counts)
      if (counts.size() > 1)
        most = std::max(most, count);
  }
  return most;
}

std::string bitpipe::remarkOnNodes(const Program &program, const Links &links,
                                   const Hosts &hosts) {
  if (program.devicesPerNode)
    return remarkOnSpread(program, hosts);
  int64_t perHost = devicesPerHost(hosts), most = mostTogether(links, hosts);
  if (!perHost || most < 2)
    return "";
  return joined("sums of devices on several hosts go all at once, which sends up to ", most,
                " times as much between hosts as sums within each first: bitpipe-opt --devices-per-node=",
                perHost, " makes a plan for these");
}

void bitpipe::tellNodes(const Program &program, const Links &links, World &world) {
  if (world.size() == 1 || program.isForGPUs())
    return;
  std::vector<std::string> byRank = world.allGather(hostName());
  Hosts hosts;
  for (size_t d = 0; d < program.devices.size(); ++d)
    hosts.push_back(byRank[world.rankOf(int64_t(d), int64_t(program.devices.size()))]);
  std::string remark = remarkOnNodes(program, links, hosts);
  if (!remark.empty() && world.speaks())
    warn(remark);
}
