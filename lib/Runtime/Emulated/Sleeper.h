//===- Sleeper.h - Sleeping until a moment, as exactly as the system can ----===//
//
// A system wakes a thread some ten microseconds late. How late it does here is
// learnt from every sleep; the next one ends so much earlier, and what is left, if it
// was not as late this time, is spun.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_EMULATED_SLEEPER_H
#define BITPIPE_RUNTIME_EMULATED_SLEEPER_H

#include "lib/Runtime/Execute/Clock.h"

#include <algorithm>
#include <sched.h>
#include <sys/prctl.h>

namespace bitpipe {

class Sleeper {
public:
  /// Lets the calling thread be woken when it asks, not when that saves power, and,
  /// where the user may (root, ulimit -r), before whatever else the machine does.
  static void prepareThread() {
    prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
    sched_param priority{};
    priority.sched_priority = 1;
    sched_setscheduler(0, SCHED_RR, &priority);
  }

  void until(Nanoseconds moment) {
    Nanoseconds wake = moment - late;
    if (now() < wake) {
      timespec time{wake / second, wake % second};
      while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nullptr) != 0) {
      }
      // Once in a while the processor is busy with something else for longer.
      Nanoseconds missed = std::min(now() - wake, mostLate);
      late += (missed - late) / 8;
    }
    while (now() < moment) {
    }
  }

private:
  static constexpr Nanoseconds second = 1'000'000'000, mostLate = 200'000;

  Nanoseconds late = 50'000; // how late this thread is woken
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_EMULATED_SLEEPER_H
