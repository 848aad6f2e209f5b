//===- Pacing.cpp - How often to look whether something has come ------------===//

#include "lib/Runtime/Transport/Pacing.h"

#include "lib/Runtime/Error.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

using namespace bitpipe;
using namespace std::chrono_literals;

// A message through shared memory takes a microsecond, waking the threads at both
// ends tens of them: an answer comes within this time.
constexpr std::chrono::nanoseconds spinning = 50us;
constexpr int share = 16; // of the time waited
constexpr std::chrono::nanoseconds longest = 1ms;

Pacing::Pacing() : event(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (event < 0)
    fail("error: cannot make an event for the network's thread: ", std::strerror(errno));
}

Pacing::~Pacing() { close(event); }

void Pacing::prepareThread() { prctl(PR_SET_TIMERSLACK, 1UL); }

std::chrono::nanoseconds Pacing::sleepAfter(std::chrono::nanoseconds waited) {
  return waited < spinning ? 0ns : std::min(waited / share, longest);
}

std::chrono::nanoseconds Pacing::nextSleep() {
  Clock::time_point now = Clock::now();
  if (idleSince == Clock::time_point())
    idleSince = now;
  return sleepAfter(now - idleSince);
}

void Pacing::sleep(std::chrono::nanoseconds length) {
  timespec time = {0, length.count()};
  pollfd woken = {event, POLLIN, 0};
  if (ppoll(&woken, 1, &time, nullptr) <= 0)
    return;
  uint64_t count;
  (void)!read(event, &count, sizeof(count));
}

void Pacing::ring() {
  uint64_t one = 1;
  (void)!write(event, &one, sizeof(one));
}
