//===- Watch.h - What happens when a rank does not come ---------------------===//
//
// A thread of every process that has others. Once a second it tells ranks 0 and 1
// what this rank does. It ends the process, with a report of who waits for whom, when
// another rank has ended, when the network fails, or when everything here has waited
// for others longer than the timeout. On demand it prints the report and goes on.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_WATCH_WATCH_H
#define BITPIPE_RUNTIME_WATCH_WATCH_H

#include "lib/Runtime/Execute/Executor.h"
#include "lib/Runtime/Launch/Deadline.h"
#include "lib/Runtime/Launch/Peers.h"
#include "lib/Runtime/Watch/Beat.h"

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace bitpipe {

class Watch {
public:
  /// Every rank makes one after the world is formed. `asked` is set by whoever
  /// wants a report.
  Watch(World &world, std::chrono::seconds timeout, std::atomic<bool> &asked);
  ~Watch();

  /// While it lives there are devices to tell of. It is made after what it names, so that it
  /// goes before: the thread of the watch looks at no device that is gone.
  class Attachment {
  public:
    Attachment(Watch &watch, const Program &program, const Links &links, const Executor &executor);
    ~Attachment();
    Attachment(const Attachment &) = delete;
    Attachment &operator=(const Attachment &) = delete;

  private:
    Watch &watch;
  };

  /// Called on all ranks before World::finish: from then on ranks may end.
  void finish();
  /// Ends the watch on this rank without a word to others.
  void stop();

  /// What the network calls when it fails; ends the process, at once if no watch is
  /// there.
  static void lost(const NetworkError &error);

private:
  using Clock = std::chrono::steady_clock;

  void loop();
  void lookAtClock();
  void lookAtOthers();
  void lookAtSelf();
  void askedForReport();
  bool waits(const RankStatus &status) const;
  bool tells() const;
  [[noreturn]] void giveUp(const std::string &why, bool withReport);
  std::string report();
  const RankStatus &self();

  World &world;
  const std::chrono::seconds timeout;
  std::atomic<bool> &asked;
  std::unique_ptr<Peers> peers;
  std::unique_ptr<Beats> beats;

  std::mutex mutex; // of what follows
  std::condition_variable changed;
  const Program *program = nullptr;
  const Links *links = nullptr;
  const Executor *executor = nullptr;
  bool stops = false, finishes = false;
  std::string networkFailure;

  RankStatus mine, before; // of this rank: now, and when it last changed
  Clock::time_point lastChange = Clock::now(), lastLook = lastChange;
  std::chrono::seconds stoodStill{}; // when it was last stopped
  int endedRank = -1;
  Clock::time_point endSeen;
  std::thread thread;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_WATCH_WATCH_H
