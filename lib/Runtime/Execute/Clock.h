//===- Clock.h - The time, and the time that a thread has computed ---------===//

#ifndef BITPIPE_RUNTIME_EXECUTE_CLOCK_H
#define BITPIPE_RUNTIME_EXECUTE_CLOCK_H

#include <chrono>
#include <cstdint>
#include <ctime>

namespace bitpipe {

using Nanoseconds = int64_t;

/// Costs 30 ns.
inline Nanoseconds now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

/// What the calling thread has had of a processor so far: it stands still while the
/// system lets others run. Asks the kernel, which costs up to a microsecond.
inline Nanoseconds processorTime() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return Nanoseconds(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_EXECUTE_CLOCK_H
