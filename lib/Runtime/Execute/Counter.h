//===- Counter.h - What threads of one process wait on --------------------===//
//
// A number that only grows. Waiting spins for a moment, since what is awaited
// often comes within microseconds, then sleeps, since there may be more
// devices than cores.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_EXECUTE_COUNTER_H
#define BITPIPE_RUNTIME_EXECUTE_COUNTER_H

#include <atomic>
#include <cstdint>

namespace bitpipe {

class alignas(64) Counter {
public:
  uint32_t get() const { return value.load(std::memory_order_acquire); }
  bool reached(uint32_t target) const { return get() >= target; }

  /// Adds one and wakes who waits; returns the value before.
  uint32_t advance() {
    uint32_t before = value.fetch_add(1, std::memory_order_acq_rel);
    value.notify_all();
    return before;
  }

  void waitFor(uint32_t target) const {
    for (int i = 0; i < spins; ++i) {
      if (reached(target))
        return;
      pause();
    }
    for (uint32_t now = get(); now < target; now = get())
      value.wait(now, std::memory_order_acquire);
  }

private:
  static constexpr int spins = 100;
  static void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }

  std::atomic<uint32_t> value = 0;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_EXECUTE_COUNTER_H
