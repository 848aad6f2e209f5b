//===- MainThread.h - What the main thread of a process is doing ------------===//
//
// Devices tell what they do by themselves (Execute/Status.h). Whatever is not theirs
// is done by the main thread, alone or together with those of the other ranks. The
// thread that writes checkpoints helps it.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_LAUNCH_MAINTHREAD_H
#define BITPIPE_RUNTIME_LAUNCH_MAINTHREAD_H

#include <atomic>
#include <cstdint>

namespace bitpipe {

/// Of a thread that exchanges something with those of other ranks.
class ThreadStatus {
public:
  void beginExchange() { exchanged.fetch_add(1, std::memory_order_relaxed); }
  void beginWait() { waiting.store(true, std::memory_order_relaxed); }
  void endWait() { waiting.store(false, std::memory_order_relaxed); }

  bool waits() const { return waiting.load(std::memory_order_relaxed); }
  uint32_t exchanges() const { return exchanged.load(std::memory_order_relaxed); }

private:
  std::atomic<bool> waiting = false;
  std::atomic<uint32_t> exchanged = 0;
};

class MainThread : public ThreadStatus {
public:
  enum Doing : uint8_t { Prepares, Trains, Saves, Reports };
  static constexpr const char *names[] = {"prepares", "trains", "saves",
                                          "reports"};

  struct Moment {
    Doing doing = Prepares;
    bool waits = false;        // for other ranks, or for its own devices
    bool forWriter = false;    // waits, if at all, with the thread that writes
    uint32_t exchanges = 0;    // with all ranks that it has begun
    uint32_t ofWriter = 0;     // and that the other thread has

    bool operator==(const Moment &) const = default;
  };

  void begin(Doing what) { doing.store(what, std::memory_order_relaxed); }

  /// The thread that writes checkpoints.
  ThreadStatus &writer() { return writing; }
  /// While the main thread waits for that one, it waits for whom that one does.
  void beginWaitForWriter() { forWriter.store(true, std::memory_order_relaxed); }
  void endWaitForWriter() { forWriter.store(false, std::memory_order_relaxed); }

  Moment moment() const {
    bool withWriter = forWriter.load(std::memory_order_relaxed);
    return {doing.load(std::memory_order_relaxed),
            withWriter ? writing.waits() : waits(), withWriter, exchanges(),
            writing.exchanges()};
  }

private:
  std::atomic<Doing> doing = Prepares;
  std::atomic<bool> forWriter = false;
  ThreadStatus writing;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_LAUNCH_MAINTHREAD_H
