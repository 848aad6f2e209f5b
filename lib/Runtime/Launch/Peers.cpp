#include "lib/Runtime/Launch/Peers.h"
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>
using namespace bitpipe;
Peers::Peers(World &world) {
  std::vector<pid_t> pids;
  world.allGatherValues(getpid(), pids);
  for (int rank = 0; rank < world.size(); ++rank)
    if (rank != world.rank())
      peers.push_back({rank, int(syscall(SYS_pidfd_open, pids[rank], 0))});
}
Peers::~Peers() {
  for (auto &p : peers)
    close(p.handle);
}
int Peers::ended() const {
  for (auto &p : peers) {
    pollfd fd{p.handle, POLLIN, 0};
    if (poll(&fd, 1, 0) > 0)
      return p.rank;
  }
  return -1;
}
