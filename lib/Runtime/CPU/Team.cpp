//===- Team.cpp - The threads that share the work of a device --------------===//

#include "lib/Runtime/CPU/Team.h"

#include "lib/Runtime/Delay.h"
#include "lib/Runtime/Error.h"

using namespace bitpipe;

Team::Team(uint32_t size, const std::string &owner, Nanoseconds spin,
           const std::function<void(uint32_t)> &enter)
    : spin(spin), members(size), helpers(std::make_unique<Helper[]>(size - 1)) {
  for (uint32_t member = 1; member < size; ++member)
    try {
      helpers[member - 1].thread = std::jthread([this, enter, member] {
        enter(member);
        loop(member);
      });
    } catch (const std::system_error &error) {
      stop(); // a constructor that throws runs no destructor
      failThread(joined("member ", member, " of the ", size, " of ", owner), error);
    }
}

Team::~Team() { stop(); }

void Team::stop() {
  for (uint32_t i = 0; i + 1 < members; ++i)
    give(helpers[i], {});
  for (uint32_t i = 0; i + 1 < members; ++i)
    if (helpers[i].thread.joinable())
      helpers[i].thread.join();
}

void Team::give(Helper &helper, const Job &job) {
  helper.job = job;
  // Everything so far is done, so that the number is odd, or 0.
  uint32_t next = (helper.given.load(std::memory_order_relaxed) | 1) + 1;
  helper.given.exchange(next, std::memory_order_acq_rel);
  helper.given.notify_one();
}

/// Whether the job of that number is the caller's to do.
bool Team::begin(Helper &helper, uint32_t given) {
  return given % 2 == 0 &&
         helper.given.compare_exchange_strong(given, given + 1, std::memory_order_acq_rel);
}

void Team::await(const std::atomic<uint32_t> &value, uint32_t old) const {
  constexpr int between = 32; // looks at the clock
  Nanoseconds end = spin > 0 ? now() + spin : 0;
  do {
    for (int i = 0; i < between; ++i) {
      if (value.load(std::memory_order_acquire) != old)
        return;
#if defined(__x86_64__)
      __builtin_ia32_pause();
#endif
    }
  } while (end > 0 && now() < end);
  value.wait(old, std::memory_order_acquire);
}

void Team::loop(uint32_t member) {
  Helper &me = helpers[member - 1];
  for (uint32_t seen = 0;;) {
    await(me.given, seen);
    seen = me.given.load(std::memory_order_acquire);
    delayAtRandom();
    if (!begin(me, seen))
      continue;
    if (!me.job.call)
      return;
    perform(me.job, member, me.error);
    delayAtRandom();
    me.done.exchange(seen, std::memory_order_acq_rel);
    me.done.notify_one();
  }
}

void Team::perform(const Job &job, uint32_t part, std::exception_ptr &error) {
  try {
    job.call(job.context, part);
  } catch (...) {
    error = std::current_exception();
  }
}

void Team::runShared(uint32_t count, const Job &job) {
  for (uint32_t i = 0; i + 1 < count; ++i)
    give(helpers[i], job);
  std::exception_ptr first;
  perform(job, 0, first);
  // The helper that was told last is the likeliest not to have begun.
  for (uint32_t i = count - 1; i-- > 0;)
    if (begin(helpers[i], helpers[i].given.load(std::memory_order_relaxed) & ~1u)) {
      perform(job, i + 1, helpers[i].error);
      helpers[i].done.store(helpers[i].given.load(std::memory_order_relaxed) & ~1u,
                            std::memory_order_relaxed);
    }
  for (uint32_t i = 0; i + 1 < count; ++i) {
    Helper &helper = helpers[i];
    uint32_t number = helper.given.load(std::memory_order_relaxed) & ~1u;
    for (uint32_t done; (done = helper.done.load(std::memory_order_acquire)) != number;)
      await(helper.done, done);
    if (!helper.error)
      continue;
    if (!first)
      first = helper.error;
    helper.error = nullptr;
  }
  if (first)
    std::rethrow_exception(first);
}
