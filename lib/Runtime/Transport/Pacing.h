//===- Pacing.h - How often to look whether something has come --------------===//
//
// A library that connects processes wants to be polled. Right after something
// came, more is likely: look again at once. The longer nothing comes, the longer the
// sleep in between, but never more than a small share of the time waited so far,
// so that what comes is late by no more than that share. Someone who has posted
// a message ends the sleep.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_TRANSPORT_PACING_H
#define BITPIPE_RUNTIME_TRANSPORT_PACING_H

#include <atomic>
#include <chrono>
#include <thread>

namespace bitpipe {

class Pacing {
public:
  /// How long to sleep before looking again, after so long a time without anything.
  static std::chrono::nanoseconds sleepAfter(std::chrono::nanoseconds waited);

  Pacing();
  ~Pacing();
  Pacing(const Pacing &) = delete;

  /// For the thread that polls, once, before it starts: makes its sleeps exact.
  static void prepareThread();

  /// For the thread that polls: something has happened.
  void busy() { idleSince = Clock::time_point(); }
  /// Nothing has: waits as long as it is worth, or until wake is called.
  /// `mustNotSleep` is asked after wake can be heard.
  template <typename Predicate> void idle(Predicate mustNotSleep) {
    auto length = nextSleep();
    if (length.count() == 0)
      return std::this_thread::yield(); // to whoever works on what came
    asleep.store(true, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (!mustNotSleep())
      sleep(length);
    asleep.store(false, std::memory_order_relaxed);
  }

  /// For any thread, after it has changed what mustNotSleep asks.
  void wake() {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (asleep.load(std::memory_order_relaxed))
      ring();
  }

private:
  using Clock = std::chrono::steady_clock;

  std::chrono::nanoseconds nextSleep();
  void sleep(std::chrono::nanoseconds length);
  void ring();

  Clock::time_point idleSince; // zero: something happened just now
  std::atomic<bool> asleep = false;
  int event; // a descriptor that can be read once wake was called
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRANSPORT_PACING_H
