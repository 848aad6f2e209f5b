//===- Grid.cpp - Runs emulated kernels as a GPU would ---------------------===//

#include "test/Doubles/Grid.h"
#include "test/Doubles/Fiber.h"
#include "test/Doubles/Races.h"

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <utility>
#include <vector>

using namespace bitpipe::doubles;
using bitpipe::gpu::Access;

namespace {

constexpr int64_t warp = 32;

enum class State { Ready, AtBarrier, AtShuffle, AtExchange, Ended };

/// One that goes on while its thread does; zeros if it is from nowhere.
struct Copy {
  char *to;
  const char *from;
  int64_t bytes;
  Races::Time started;
};

struct Thread {
  Fiber fiber;
  State state;
  int32_t value, mask; // of a shuffle
  int64_t exchanges;   // so far
  std::vector<Copy> copies; // under way
};

/// What the threads of a warp show each other. There are two, for threads that are ahead
/// by one meeting.
struct Shown {
  static constexpr int64_t most = 32;
  alignas(16) char bytes[warp * most];
};

/// One run of a grid.
class Run {
public:
  Run(const Launch &launch, const AccessCheck &allowed);
  std::optional<std::string> run();

  void endThread();
  void wait(State state);
  int32_t shuffle(int32_t value, int32_t mask);
  const void *exchange(const void *value, int64_t bytes);
  void access(const void *address, int64_t bytes, Access access);
  void startCopy(void *to, const void *from, int64_t bytes);
  void awaitCopies();

  const Launch &launch;
  int64_t block = 0, thread = 0; // that run
  std::vector<char> memory;      // shared by the block
  char *shared;

private:
  void runBlock();
  void runThreads();
  bool runWarp(int64_t first);
  bool meet(int64_t first, int64_t end);
  void shuffleAll(int64_t first);
  bool finishBarrier();
  void begin(int64_t number);
  /// Notes what went wrong with a thread; the first one counts.
  void fail(int64_t number, const std::string &what);
  /// Which of `count` has the turn number `turn`.
  int64_t inOrder(int64_t turn, int64_t count) const {
    return launch.order == Order::Forward ? turn : count - 1 - turn;
  }
  /// Ends the thread that runs, and with it the run, if there is something wrong.
  void endIf(const Races::Wrong &wrong);
  /// Where that is; the thread ends if it may not be accessed.
  Place findPlace(const void *address, int64_t bytes, bool writes);
  std::optional<Place> sourceOf(const Copy &copy);

  const AccessCheck &allowed;
  std::optional<std::string> error;
  std::vector<Thread> &threads;
  std::vector<Shown> shown; // two for each warp
  std::jmp_buf ended; // where a thread without a fiber ends that did wrong
};

/// The run on this thread of the host, and its fibers, which are made once.
thread_local Run *current = nullptr;
thread_local std::vector<Thread> fibers;
thread_local Races races;

Run::Run(const Launch &launch, const AccessCheck &allowed)
    : launch(launch), allowed(allowed), threads(fibers) {
  constexpr size_t alignment = 16;
  memory.resize(launch.shared + alignment);
  auto address = reinterpret_cast<uintptr_t>(memory.data());
  shared = memory.data() + (alignment - address % alignment) % alignment;
  if (launch.needsFibers && threads.size() < size_t(launch.block))
    threads.resize(launch.block);
  shown.resize(2 * ((launch.block + warp - 1) / warp));
}

std::optional<std::string> Run::run() {
  races.beginLaunch();
  for (int64_t turn = 0; turn < launch.grid && !error; ++turn) {
    block = inOrder(turn, launch.grid);
    races.beginBlock(block);
    std::memset(memory.data(), 0xff, memory.size());
    launch.needsFibers ? runBlock() : runThreads();
  }
  return error;
}

void Run::fail(int64_t number, const std::string &what) {
  if (!error)
    error = std::string("kernel ") + launch.name + ", block " + std::to_string(block) + ", thread " +
            std::to_string(number) + ": " + what;
}

//===----------------------------------------------------------------------===//
// Threads
//===----------------------------------------------------------------------===//

void Run::runThreads() {
  if (setjmp(ended))
    return;
  for (volatile int64_t turn = 0; turn < launch.block; turn = turn + 1) {
    thread = inOrder(turn, launch.block);
    launch.entry(launch.arguments);
  }
}

void Run::begin(int64_t number) {
  threads[number].state = State::Ready;
  threads[number].exchanges = 0;
  threads[number].copies.clear();
  threads[number].fiber.prepare([] {
    current->launch.entry(current->launch.arguments);
    current->endThread();
  });
}

void Run::runBlock() {
  for (int64_t i = 0; i < launch.block; ++i)
    begin(i);
  int64_t warps = (launch.block + warp - 1) / warp;
  do
    for (int64_t turn = 0; turn < warps; ++turn)
      if (!runWarp(inOrder(turn, warps) * warp))
        return;
  while (finishBarrier());
}

/// Runs a warp until its threads have ended or wait for other warps.
bool Run::runWarp(int64_t first) {
  int64_t end = std::min(first + warp, launch.block);
  do {
    for (int64_t turn = 0; turn < end - first; ++turn) {
      thread = first + inOrder(turn, end - first);
      if (threads[thread].state != State::Ready)
        continue;
      threads[thread].fiber.resume();
      if (error)
        return false;
    }
  } while (meet(first, end));
  return !error;
}

static bool meets(State state) { return state == State::AtShuffle || state == State::AtExchange; }

/// Gives the threads of a warp what they asked for, if they wait for each other.
bool Run::meet(int64_t first, int64_t end) {
  auto from = threads.begin() + first;
  int64_t waiting = std::count_if(from, threads.begin() + end,
                                  [](const Thread &t) { return meets(t.state); });
  if (waiting == 0)
    return false;
  State what = std::find_if(from, threads.begin() + end, [](const Thread &t) {
                 return meets(t.state);
               })->state;
  for (int64_t i = first; i < first + warp; ++i)
    if (i >= end || !meets(threads[i].state) || threads[i].state != what) {
      fail(i, std::string("does not come to ") +
                  (what == State::AtExchange ? "an exchange" : "a shuffle") + " that " +
                  std::to_string(waiting) + " threads of its warp are at");
      return false;
    }
  if (what == State::AtShuffle)
    shuffleAll(first);
  for (int64_t i = first; i < first + warp; ++i)
    threads[i].state = State::Ready;
  return !error;
}

void Run::shuffleAll(int64_t first) {
  int32_t mask = threads[first].mask, values[warp];
  for (int64_t lane = 0; lane < warp; ++lane) {
    const Thread &own = threads[first + lane];
    if (own.mask != mask || mask < 0 || mask >= warp)
      return fail(first + lane, "shuffles with mask " + std::to_string(own.mask) +
                                    ", expected one of 0 to 31 that all threads of the warp have");
    values[lane] = own.value;
  }
  for (int64_t lane = 0; lane < warp; ++lane)
    threads[first + lane].value = values[lane ^ mask];
}

/// Whether there is more to do: lets all threads go on that wait at a barrier.
bool Run::finishBarrier() {
  auto end = threads.begin() + launch.block;
  auto isEnded = [](const Thread &t) { return t.state == State::Ended; };
  int64_t left = std::count_if(threads.begin(), end, isEnded);
  if (left == launch.block)
    return false;
  if (left > 0) {
    fail(std::find_if(threads.begin(), end, isEnded) - threads.begin(),
         "ends without a barrier that " + std::to_string(launch.block - left) + " threads are at");
    return false;
  }
  for (int64_t i = 0; i < launch.block; ++i)
    threads[i].state = State::Ready;
  races.passBarrier();
  return true;
}

//===----------------------------------------------------------------------===//
// What threads call
//===----------------------------------------------------------------------===//

void Run::endThread() {
  if (!threads[thread].copies.empty())
    fail(thread, "ends and has not awaited " + std::to_string(threads[thread].copies.size()) +
                     " copies that it has started");
  wait(State::Ended);
}

void Run::wait(State state) {
  if (!launch.needsFibers) {
    fail(thread, "waits for others, but its kernel is said not to");
    std::longjmp(ended, 1);
  }
  Thread &own = threads[thread];
  own.state = state;
  own.fiber.suspend();
}

int32_t Run::shuffle(int32_t value, int32_t mask) {
  if (launch.needsFibers) {
    threads[thread].value = value;
    threads[thread].mask = mask;
  }
  int64_t number = thread;
  wait(State::AtShuffle);
  return threads[number].value;
}

const void *Run::exchange(const void *value, int64_t bytes) {
  if (bytes > Shown::most)
    fail(thread, "exchanges " + std::to_string(bytes) + " bytes, expected at most " +
                     std::to_string(Shown::most));
  int64_t number = thread;
  Shown *own = &shown[number / warp * 2];
  if (launch.needsFibers)
    own += threads[number].exchanges++ % 2;
  std::memcpy(own->bytes + number % warp * bytes, value, std::min(bytes, Shown::most));
  wait(State::AtExchange);
  return own->bytes;
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

void Run::endIf(const Races::Wrong &wrong) {
  if (!wrong)
    return;
  fail(thread, *wrong);
  if (!launch.needsFibers)
    std::longjmp(ended, 1);
  threads[thread].fiber.suspend(); // for good
}

Place Run::findPlace(const void *address, int64_t bytes, bool writes) {
  auto *begin = static_cast<const char *>(address);
  if (begin >= shared && begin + bytes <= shared + launch.shared)
    return {true, uint64_t(begin - shared), bytes};
  if (!allowed(address, bytes, writes)) {
    char text[128];
    snprintf(text, sizeof(text), "%s %lld bytes at %p, outside of its memory", writes ? "writes" : "reads",
             static_cast<long long>(bytes), address);
    endIf(text);
  }
  return {false, reinterpret_cast<uint64_t>(address), bytes};
}

void Run::access(const void *address, int64_t bytes, Access access) {
  bool writes = access == bitpipe::gpu::Writes || access == bitpipe::gpu::Changes;
  endIf(races.access(thread, findPlace(address, bytes, writes), access));
}

std::optional<Place> Run::sourceOf(const Copy &copy) {
  return copy.from ? std::optional(findPlace(copy.from, copy.bytes, false)) : std::nullopt;
}

static void carryOut(const Copy &copy) {
  copy.from ? std::memcpy(copy.to, copy.from, size_t(copy.bytes)) : std::memset(copy.to, 0, size_t(copy.bytes));
}

/// Half of the threads copy at once and half when they await, so that numbers depend on what
/// depends on that.
static bool copiesAtOnce(int64_t thread) { return thread % 2 == 0; }

void Run::startCopy(void *to, const void *from, int64_t bytes) {
  if (!launch.needsFibers)
    endIf("starts a copy, but its kernel is said not to wait");
  Copy copy{static_cast<char *>(to), static_cast<const char *>(from), bytes, 0};
  auto [started, wrong] = races.startCopy(thread, findPlace(to, bytes, true), sourceOf(copy));
  endIf(wrong);
  copy.started = started;
  if (copiesAtOnce(thread))
    carryOut(copy);
  threads[thread].copies.push_back(copy);
}

void Run::awaitCopies() {
  if (!launch.needsFibers)
    return;
  for (const Copy &copy : threads[thread].copies) {
    endIf(races.endCopy(thread, findPlace(copy.to, copy.bytes, true), sourceOf(copy), copy.started));
    if (!copiesAtOnce(thread))
      carryOut(copy);
  }
  threads[thread].copies.clear();
}

} // namespace

std::optional<std::string> bitpipe::doubles::runGrid(const Launch &launch, const AccessCheck &allowed) {
  Run run(launch, allowed);
  Run *outer = std::exchange(current, &run);
  std::optional<std::string> error = run.run();
  current = outer;
  return error;
}

extern "C" {
int32_t bitpipe_gpu_thread() { return int32_t(current->thread); }
int32_t bitpipe_gpu_block() { return int32_t(current->block); }
int32_t bitpipe_gpu_threads() { return int32_t(current->launch.block); }
int32_t bitpipe_gpu_blocks() { return int32_t(current->launch.grid); }
void bitpipe_gpu_barrier() { current->wait(State::AtBarrier); }
int32_t bitpipe_gpu_shuffle_xor(int32_t value, int32_t mask) { return current->shuffle(value, mask); }
const void *bitpipe_gpu_exchange(const void *value, int64_t bytes) {
  return current->exchange(value, bytes);
}
void *bitpipe_gpu_shared() { return current->shared; }
void bitpipe_gpu_access(void *address, int64_t bytes, Access access) {
  current->access(address, bytes, access);
}
void bitpipe_gpu_start_copy(void *to, const void *from, int64_t bytes) {
  current->startCopy(to, from, bytes);
}
void bitpipe_gpu_await_copies() { current->awaitCopies(); }
}
