//===- peers-test.cpp - Processes of this host that end ---------------------===//

#include "lib/Runtime/Launch/Peers.h"

#include "lib/Runtime/Launch/Host.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace bitpipe;
using namespace std::chrono_literals;

namespace {

int failures = 0;

void expect(const char *what, int64_t got, int64_t wanted) {
  if (got == wanted)
    return;
  std::printf("%s: got %lld, expected %lld\n", what, (long long)got, (long long)wanted);
  ++failures;
}

/// A process that does nothing.
pid_t start() {
  pid_t process = fork();
  if (process == 0)
    for (;;)
      pause();
  return process;
}

void end(pid_t process) {
  kill(process, SIGKILL);
  waitpid(process, nullptr, 0);
}

constexpr int none = -1;
int wait(Peers &peers, std::chrono::milliseconds timeout) {
  return peers.waitForEnd(timeout).value_or(none);
}

void testEnds() {
  std::string host = hostIdentity();
  pid_t first = start(), second = start(), gone = start(), elsewhere = start();
  end(gone);
  // Rank 4 has the number of a process here, but is on another host.
  Peers peers({{host, first}, {host, getpid()}, {host, second}, {host, gone},
               {"other " + host, elsewhere}}, 1);
  expect("watched", peers.count(), 2);
  expect("already ended", wait(peers, 0ms), 3);
  expect("none has ended", wait(peers, 10ms), none);
  end(elsewhere);
  expect("ended elsewhere", wait(peers, 10ms), none);

  // A process that was killed but whose parent has not asked for it has ended, too.
  kill(second, SIGKILL);
  expect("killed", wait(peers, 60s), 2);
  expect("told once", wait(peers, 10ms), none);
  end(first);
  expect("killed", wait(peers, 60s), 0);
  expect("none is left", wait(peers, 10ms), none);
  waitpid(second, nullptr, 0);
}

void testBoth() {
  std::string host = hostIdentity();
  pid_t first = start(), second = start();
  Peers peers({{host, getpid()}, {host, first}, {host, second}}, 0);
  end(first);
  end(second);
  int ranks[] = {wait(peers, 60s), wait(peers, 60s)};
  expect("one of two", std::min(ranks[0], ranks[1]), 1);
  expect("the other", std::max(ranks[0], ranks[1]), 2);
}

void testWake() {
  std::string host = hostIdentity();
  pid_t other = start();
  Peers peers({{host, getpid()}, {host, other}}, 0);
  std::jthread waker([&] { peers.wake(); });
  expect("woken", wait(peers, 1h), none);
  waker.join();
  expect("not woken again", wait(peers, 10ms), none);
  end(other);
}

void testAlone() {
  World world;
  std::vector<Process> processes = gatherProcesses(world);
  expect("processes", processes.size(), 1);
  expect("own number", processes[0].number, getpid());
  expect("nobody to watch", Peers(processes, 0).count(), 0);
}

} // namespace

int main() {
  testEnds();
  testBoth();
  testWake();
  testAlone();
  return failures != 0;
}
