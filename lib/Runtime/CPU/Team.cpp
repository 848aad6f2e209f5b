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
  helpers.reset(); // joins
}

void Team::give(Helper &helper, const Job &job) {
  helper.job = job;
  helper.given.fetch_add(1, std::memory_order_acq_rel);
  helper.given.notify_one();
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
  for (uint32_t done = 0;; ++done) {
    await(me.given, done);
    if (!me.job.call)
      return;
    delayAtRandom();
    perform(me.job, member, me.error);
    delayAtRandom();
    me.done.fetch_add(1, std::memory_order_acq_rel);
    me.done.notify_one();
  }
}

void Team::perform(const Job &job, uint32_t member, std::exception_ptr &error) {
  try {
    job.call(job.context, member);
  } catch (...) {
    error = std::current_exception();
  }
}

void Team::runShared(uint32_t count, const Job &job) {
  for (uint32_t i = 0; i + 1 < count; ++i)
    give(helpers[i], job);
  std::exception_ptr first;
  perform(job, 0, first);
  for (uint32_t i = 0; i + 1 < count; ++i) {
    Helper &helper = helpers[i];
    await(helper.done, helper.given.load(std::memory_order_relaxed) - 1);
    if (!helper.error)
      continue;
    if (!first)
      first = helper.error;
    helper.error = nullptr;
  }
  if (first)
    std::rethrow_exception(first);
}
