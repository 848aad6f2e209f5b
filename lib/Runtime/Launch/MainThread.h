//===- MainThread.h - What the main thread of a process is doing ------------===//
//
// Devices tell what they do by themselves (Execute/Status.h). Whatever is not theirs
// is done by the main thread, alone or together with those of the other ranks.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_LAUNCH_MAINTHREAD_H
#define BITPIPE_RUNTIME_LAUNCH_MAINTHREAD_H

#include <atomic>
#include <cstdint>

namespace bitpipe {

class MainThread {
public:
  enum Doing : uint8_t { Prepares, Trains, Saves, Reports };
  static constexpr const char *names[] = {"prepares", "trains", "saves",
                                          "reports"};

  struct Moment {
    Doing doing = Prepares;
    bool waits = false;      // for other ranks, or for its own devices
    uint32_t exchanges = 0;  // with all ranks that it has begun

    bool operator==(const Moment &) const = default;
  };

  void begin(Doing what) { doing.store(what, std::memory_order_relaxed); }
  void beginExchange() {
    exchanges.fetch_add(1, std::memory_order_relaxed);
  }
  void beginWait() { waits.store(true, std::memory_order_relaxed); }
  void endWait() { waits.store(false, std::memory_order_relaxed); }

  Moment moment() const {
    return {doing.load(std::memory_order_relaxed),
            waits.load(std::memory_order_relaxed),
            exchanges.load(std::memory_order_relaxed)};
  }

private:
  std::atomic<Doing> doing = Prepares;
  std::atomic<bool> waits = false;
  std::atomic<uint32_t> exchanges = 0;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_LAUNCH_MAINTHREAD_H
