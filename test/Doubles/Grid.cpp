#include "test/Doubles/Grid.h"
#include <vector>
#include <memory>
#include <ucontext.h>
namespace {
struct Fiber { ucontext_t context; bool ended; int32_t sent; int state; };
struct Run {
  const Launch *launch; const AccessCheck *allowed; int64_t block; int32_t thread;
  std::vector<Fiber> fibers; std::vector<char> shared; ucontext_t main;
  std::vector<std::unique_ptr<char[]>> stacks; std::optional<std::string> wrong;
} *now;
constexpr size_t stackBytes = 128 << 10;
void body() {
  now->launch->entry(now->launch->arguments);
  now->fibers[now->thread].ended = true;
  swapcontext(&now->fibers[now->thread].context, &now->main);
}
void pause(int state) {
  int32_t me = now->thread;
  now->fibers[me].state = state;
  swapcontext(&now->fibers[me].context, &now->main);
  now->thread = me;
}
}
extern "C" {
__attribute__((visibility("default"))) int32_t bitpipe_gpu_thread() { return now->thread; }
__attribute__((visibility("default"))) int32_t bitpipe_gpu_block() { return int32_t(now->block); }
__attribute__((visibility("default"))) int32_t bitpipe_gpu_threads() { return int32_t(now->launch->block); }
__attribute__((visibility("default"))) int32_t bitpipe_gpu_blocks() { return int32_t(now->launch->grid); }
__attribute__((visibility("default"))) void bitpipe_gpu_barrier() { pause(1); }
__attribute__((visibility("default"))) int32_t bitpipe_gpu_shuffle_xor(int32_t value, int32_t mask) {
  now->fibers[now->thread].sent = value;
  pause(2);
  int32_t got = now->fibers[now->thread ^ mask].sent;
  pause(3);
  return got;
}
__attribute__((visibility("default"))) void *bitpipe_gpu_shared() { return now->shared.data(); }
__attribute__((visibility("default"))) void bitpipe_gpu_access(void *address, int64_t bytes, int32_t writes) {
  char *a = static_cast<char *>(address);
  if (a >= now->shared.data() && a + bytes <= now->shared.data() + now->shared.size()) return;
  if (!now->wrong && !(*now->allowed)(address, bytes, writes != 0)) now->wrong = "access";
}
}
std::optional<std::string> runGrid(const Launch &launch, const AccessCheck &allowed) {
  static Run *run = new Run;
  now = run;
  run->launch = &launch; run->allowed = &allowed; run->wrong.reset();
  run->shared.assign(size_t(launch.shared) + 64, 0);
  run->fibers.resize(launch.block);
  while (run->stacks.size() < size_t(launch.block)) run->stacks.emplace_back(new char[stackBytes]);
  for (run->block = 0; run->block < launch.grid && !run->wrong; ++run->block) {
    for (int32_t t = 0; t < launch.block; ++t) {
      Fiber &f = run->fibers[t];
      f = {};
      getcontext(&f.context);
      f.context.uc_stack = {run->stacks[t].get(), 0, stackBytes};
      f.context.uc_link = &run->main;
      makecontext(&f.context, body, 0);
    }
    for (bool left = true; left;) {
      left = false;
      for (int32_t t = 0; t < launch.block; ++t)
        if (!run->fibers[t].ended) {
          run->thread = t;
          swapcontext(&run->main, &run->fibers[t].context);
          left |= !run->fibers[t].ended;
        }
    }
  }
  return run->wrong;
}
