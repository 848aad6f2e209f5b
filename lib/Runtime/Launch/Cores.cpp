//===- Cores.cpp - The cores of a process and of its devices ----------------===//

#include "lib/Runtime/Launch/Cores.h"

#include "lib/Runtime/Launch/Host.h"
#include "lib/Runtime/Transport/Packing.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <sched.h>
#include <set>
#include <sstream>
#include <unistd.h>

using namespace bitpipe;

constexpr double unlimited = std::numeric_limits<double>::infinity();

static std::vector<int> allowedProcessors() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  sched_getaffinity(0, sizeof(allowed), &allowed);
  std::vector<int> processors;
  for (int processor = 0; processor < CPU_SETSIZE; ++processor)
    if (CPU_ISSET(processor, &allowed))
      processors.push_back(processor);
  return processors;
}

/// The first processor of the core that one belongs to.
static int coreOf(int processor) {
  int first = processor;
  std::ifstream("/sys/devices/system/cpu/cpu" + std::to_string(processor) +
                "/topology/thread_siblings_list") >>
      first; // a list, as "0,64" or "0-1"
  return first;
}

std::vector<int> bitpipe::coresOfProcess() {
  std::vector<int> cores;
  std::set<int> seen;
  for (int processor : allowedProcessors())
    if (seen.insert(coreOf(processor)).second)
      cores.push_back(processor);
  return cores;
}

void bitpipe::runOn(int processor) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(processor, &one);
  (void)sched_setaffinity(0, sizeof(one), &one); // of the calling thread
}

/// The processors of a control group, from its file of one kind or the other.
static double quotaOf(const std::string &folder) {
  std::string quota;
  double period = 0;
  if (std::ifstream second(folder + "/cpu.max"); second >> quota >> period)
    return quota == "max" ? unlimited : std::stod(quota) / period;
  double micros = -1;
  std::ifstream(folder + "/cpu.cfs_quota_us") >> micros;
  std::ifstream(folder + "/cpu.cfs_period_us") >> period;
  return micros > 0 && period > 0 ? micros / period : unlimited;
}

/// The least that the group of this process, or one around it, gets.
static double quotaOfProcess() {
  double least = unlimited;
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) { // "4:cpu,cpuacct:/path"
    std::istringstream parts(line);
    std::string number, controllers, path;
    std::getline(std::getline(std::getline(parts, number, ':'), controllers, ':'), path);
    if (!controllers.empty() && controllers.find("cpu") != 0)
      continue;
    std::string root = "/sys/fs/cgroup/" + controllers;
    for (;; path.resize(path.find_last_of('/'))) {
      least = std::min(least, quotaOf(root + path));
      if (path.empty() || path.find('/') == std::string::npos)
        break;
    }
  }
  return least;
}

CoreClaim bitpipe::claimCores(int64_t devices) {
  auto online = size_t(sysconf(_SC_NPROCESSORS_ONLN));
  return {hostIdentity(), coresOfProcess(), quotaOfProcess(),
          allowedProcessors().size() < online, devices};
}

namespace {

/// The processes of one host.
struct HostClaims {
  std::map<int, int> users; // processes that may use each core
  int processes = 0;

  HostClaims(const std::vector<CoreClaim> &all, const std::string &host) {
    for (const CoreClaim &claim : all) {
      if (claim.host != host)
        continue;
      ++processes;
      for (int core : claim.cores)
        ++users[core];
    }
  }

  double shareOf(const CoreClaim &claim) const {
    double share = 0;
    for (int core : claim.cores)
      share += 1.0 / users.at(core);
    return std::min(share, claim.quota / processes);
  }
};

uint32_t threadsOf(const std::vector<CoreClaim> &all) {
  double least = unlimited;
  for (const CoreClaim &claim : all)
    least = std::min(least, HostClaims(all, claim.host).shareOf(claim) /
                                double(claim.devices));
  constexpr double rounding = 1e-9;
  return uint32_t(std::max(1.0, std::floor(least + rounding)));
}

} // namespace

TeamPlan bitpipe::planTeams(const std::vector<CoreClaim> &all, size_t mine,
                            std::optional<int64_t> asked) {
  const CoreClaim &me = all[mine];
  HostClaims host(all, me.host);
  TeamPlan plan;
  plan.threads = asked ? uint32_t(*asked) : threadsOf(all);
  plan.hostCores = int64_t(std::min(double(host.users.size()), std::max(1.0, me.quota)));
  int64_t devices = 0, before = 0;
  bool narrowed = false;
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i].host != me.host)
      continue;
    before += i < mine ? all[i].devices : 0;
    devices += all[i].devices;
    narrowed |= all[i].narrowed;
  }
  plan.hostThreads = devices * plan.threads;
  if (narrowed || plan.threads == 1 || plan.hostThreads != int64_t(me.cores.size()))
    return plan;
  auto core = me.cores.begin() + before * plan.threads;
  for (int64_t d = 0; d < me.devices; ++d, core += plan.threads)
    plan.processors.push_back({core, core + plan.threads});
  return plan;
}

TeamPlan bitpipe::planTeams(World &world, int64_t devices,
                            std::optional<int64_t> asked) {
  CoreClaim mine = claimCores(devices);
  std::ostringstream numbers;
  numbers << mine.quota << ' ' << mine.narrowed << ' ' << mine.devices;
  for (int core : mine.cores)
    numbers << ' ' << core;
  std::vector<CoreClaim> all;
  for (const std::string &text : world.allGather(packed({mine.host, numbers.str()}))) {
    std::vector<std::string> parts = *unpacked(text);
    CoreClaim claim{parts[0], {}, unlimited, false, 0};
    std::istringstream read(parts[1]);
    std::string quota; // "inf", which a stream does not read as a number
    read >> quota >> claim.narrowed >> claim.devices;
    claim.quota = std::stod(quota);
    for (int core; read >> core;)
      claim.cores.push_back(core);
    all.push_back(claim);
  }
  return planTeams(all, size_t(world.rank()), asked);
}
