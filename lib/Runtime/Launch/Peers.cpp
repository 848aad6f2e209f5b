//===- Peers.cpp - The other processes on this host -------------------------===//

#include "lib/Runtime/Launch/Peers.h"

#include "lib/Runtime/Error.h"
#include "lib/Runtime/Launch/Host.h"

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace bitpipe;

std::vector<Process> bitpipe::gatherProcesses(World &world) {
  std::vector<std::string> hosts = world.allGather(hostIdentity());
  std::vector<pid_t> numbers;
  world.allGatherValues(getpid(), numbers);
  std::vector<Process> processes;
  for (size_t rank = 0; rank < hosts.size(); ++rank)
    processes.push_back({std::move(hosts[rank]), numbers[rank]});
  return processes;
}

int64_t bitpipe::ranksBeforeOnHost(World &world) {
  std::vector<Process> all = gatherProcesses(world);
  return std::count_if(all.begin(), all.begin() + world.rank(), [&](const Process &other) {
    return other.host == all[world.rank()].host;
  });
}

Peers::Peers(const std::vector<Process> &processes, int self)
    : event(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (event < 0)
    fail("error: cannot make an event to watch processes: ", std::strerror(errno));
  for (int rank = 0; rank < int(processes.size()); ++rank)
    if (rank != self && processes[rank].host == processes[self].host)
      watch(rank, processes[rank].number);
}

void Peers::watch(int rank, pid_t process) {
  int descriptor = int(syscall(SYS_pidfd_open, process, 0));
  if (descriptor >= 0)
    watched.push_back({rank, descriptor});
  else if (errno == ESRCH)
    ended.push_back(rank);
}

Peers::~Peers() {
  for (const Watched &process : watched)
    close(process.descriptor);
  close(event);
}

std::optional<int> Peers::waitForEnd(std::chrono::milliseconds timeout) {
  if (!ended.empty()) {
    int rank = ended.back();
    ended.pop_back();
    return rank;
  }
  std::vector<pollfd> descriptors = {{event, POLLIN, 0}};
  for (const Watched &process : watched)
    descriptors.push_back({process.descriptor, POLLIN, 0});
  if (poll(descriptors.data(), descriptors.size(), int(timeout.count())) <= 0)
    return std::nullopt; // time is up, or a signal came
  for (size_t i = 0; i < watched.size(); ++i) {
    if (descriptors[i + 1].revents == 0)
      continue;
    int rank = watched[i].rank;
    close(watched[i].descriptor);
    watched.erase(watched.begin() + i);
    return rank;
  }
  uint64_t count;
  (void)!read(event, &count, sizeof(count));
  return std::nullopt;
}

void Peers::wake() {
  uint64_t one = 1;
  (void)!write(event, &one, sizeof(one));
}
