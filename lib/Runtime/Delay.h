//===- Delay.h - Random delays between actions ----------------------------===//
//
// A race shows only where threads meet in the unlucky order. Builds with
// BITPIPE_DELAYS (make sanitize) wait a random moment before every action of a
// device, of a member of its team, message and sum, drawn from BITPIPE_DELAY_SEED in
// the environment; other builds contain nothing of it.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_DELAY_H
#define BITPIPE_RUNTIME_DELAY_H

#ifdef BITPIPE_DELAYS
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <random>
#include <thread>
#endif

namespace bitpipe {

inline void delayAtRandom() {
#ifdef BITPIPE_DELAYS
  static const char *const seed = std::getenv("BITPIPE_DELAY_SEED");
  if (!seed)
    return;
  static std::atomic<unsigned> threads = 0;
  thread_local std::minstd_rand random(std::strtoul(seed, nullptr, 10) * 1000 +
                                       threads.fetch_add(1));
  // Mostly nothing, sometimes as long as many actions take.
  unsigned draw = random() % 16;
  if (draw < 4)
    std::this_thread::yield();
  else if (draw == 15)
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 200));
#endif
}

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_DELAY_H
