//===- Team.h - The threads that share the work of a device ----------------===//
//
// A thread and its helpers do a piece of work together, a part each. Helpers spin for a
// moment after they have ended, since the next piece mostly comes within microseconds,
// and sleep then. What a helper has not begun when the thread is done with its own part
// that one does, too: so nobody waits for who is asleep, or has no processor on a busy
// machine. Handing out allocates nothing and takes no lock.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CPU_TEAM_H
#define BITPIPE_RUNTIME_CPU_TEAM_H

#include "lib/Runtime/Execute/Clock.h"

#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <type_traits>

namespace bitpipe {

class Team {
public:
  /// Starts `size` - 1 helpers; whoever calls run is member 0. Every helper calls
  /// `enter` with its number first. `spin` is how long one spins before it sleeps, 0
  /// where there are more threads than cores. Throws a UserError that names `owner` if
  /// the system refuses a thread.
  Team(uint32_t size, const std::string &owner, Nanoseconds spin,
       const std::function<void(uint32_t)> &enter);
  ~Team();
  Team(const Team &) = delete;
  Team &operator=(const Team &) = delete;

  uint32_t size() const { return members; }

  /// Calls work(part) once for each part below `count`, at most size(), and returns
  /// when all have ended; the caller does part 0. If some throw, what the first of them
  /// threw is thrown then.
  template <typename Work> void run(uint32_t count, Work &&work) {
    if (count <= 1)
      return work(0);
    Job job;
    job.context = &work;
    job.call = [](void *context, uint32_t part) {
      (*static_cast<std::remove_reference_t<Work> *>(context))(part);
    };
    runShared(count, job);
  }

  /// Calls work(part, begin, end) for parts of the numbers below `units` that are as
  /// even as they can be and depend on nothing but `count` and `units`.
  template <typename Work>
  void share(uint32_t count, int64_t units, Work &&work) {
    run(count, [&](uint32_t part) {
      work(part, units * part / count, units * (part + 1) / count);
    });
  }

private:
  struct Job {
    void (*call)(void *context, uint32_t part) = nullptr; // null: the end
    void *context = nullptr;
  };
  /// A line of memory for each direction in which two threads tell each other something.
  struct Helper {
    /// Twice the number of the last job, and 1 once somebody has begun it. Who makes it
    /// odd may read the job, which is not written again before that is done.
    alignas(64) std::atomic<uint32_t> given = 0;
    Job job;
    alignas(64) std::atomic<uint32_t> done = 0; // what `given` was at the last job done here
    std::exception_ptr error;
    std::jthread thread;
  };

  void runShared(uint32_t count, const Job &job);
  void loop(uint32_t member);
  static void perform(const Job &job, uint32_t part, std::exception_ptr &error);
  static void give(Helper &helper, const Job &job);
  static bool begin(Helper &helper, uint32_t given);
  void stop();
  /// Until `value` is no longer `old`.
  void await(const std::atomic<uint32_t> &value, uint32_t old) const;

  const Nanoseconds spin;
  const uint32_t members;
  std::unique_ptr<Helper[]> helpers; // members from 1 on
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CPU_TEAM_H
