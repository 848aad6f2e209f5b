//===- grid-test.cpp - Grids of emulated threads ---------------------------===//
//
// Kernels written by hand, as the compiler makes them: sums over blocks through shared
// memory and shuffles, and one for every fault that a grid reports.
//
//===----------------------------------------------------------------------===//

#include "test/Doubles/Grid.h"

#include <cstdio>
#include <vector>

using namespace bitpipe;
using namespace bitpipe::doubles;

static int failures = 0;

static void expect(bool holds, const char *what, const std::string &got) {
  if (holds)
    return;
  fprintf(stderr, "%s: got '%s'\n", what, got.c_str());
  ++failures;
}

static float read(float *address) {
  bitpipe_gpu_access(address, sizeof(float), gpu::Reads);
  return *address;
}
static void write(float *address, float value) {
  bitpipe_gpu_access(address, sizeof(float), gpu::Writes);
  *address = value;
}

/// y[block] = the sum of the block's part of x.
static void sumBlocks(void *const *arguments) {
  auto *x = static_cast<float *>(arguments[0]), *y = static_cast<float *>(arguments[1]);
  auto *shared = static_cast<int32_t *>(bitpipe_gpu_shared());
  int32_t thread = bitpipe_gpu_thread(), threads = bitpipe_gpu_threads(), block = bitpipe_gpu_block();
  int32_t sum = int32_t(read(x + block * threads + thread));
  for (int32_t mask = 16; mask > 0; mask /= 2)
    sum += bitpipe_gpu_shuffle_xor(sum, mask);
  if (thread % 32 == 0)
    shared[thread / 32] = sum;
  bitpipe_gpu_barrier();
  if (thread != 0)
    return;
  float total = 0;
  for (int32_t i = 0; i < threads / 32; ++i)
    total += float(shared[i]);
  write(y + block, total);
}

static void square(void *const *arguments) {
  auto *x = static_cast<float *>(arguments[0]);
  int64_t i = int64_t(bitpipe_gpu_block()) * bitpipe_gpu_threads() + bitpipe_gpu_thread();
  float value = read(x + i);
  write(x + i, value * value);
}

static void barrierOfSome(void *const *) {
  if (bitpipe_gpu_thread() != 5)
    bitpipe_gpu_barrier();
}
static void shuffleOfSome(void *const *) {
  if (bitpipe_gpu_thread() != 40)
    (void)bitpipe_gpu_shuffle_xor(1, 1);
}
static void shuffleWithMasks(void *const *) {
  (void)bitpipe_gpu_shuffle_xor(1, bitpipe_gpu_thread() == 3 ? 2 : 1);
}
static void shuffleBesideBarrier(void *const *) {
  if (bitpipe_gpu_thread() < 16)
    bitpipe_gpu_barrier();
  else
    (void)bitpipe_gpu_shuffle_xor(1, 1);
}
/// Each thread writes what the next one has shown at the meeting before the last.
static void exchangeTwice(void *const *arguments) {
  int32_t own = bitpipe_gpu_thread(), next = (own % 32 + 1) % 32, value = own, other = -own;
  auto *shown = static_cast<const int32_t *>(bitpipe_gpu_exchange(&value, sizeof(value)));
  (void)bitpipe_gpu_exchange(&other, sizeof(other));
  write(static_cast<float *>(arguments[0]) + own, float(shown[next]));
}
static void exchangeOfSome(void *const *) {
  int32_t value = 0;
  if (bitpipe_gpu_thread() != 7)
    (void)bitpipe_gpu_exchange(&value, sizeof(value));
}
static void exchangeMuch(void *const *) {
  char values[40] = {};
  (void)bitpipe_gpu_exchange(values, sizeof(values));
}
static void beyondShared(void *const *) {
  auto *shared = static_cast<float *>(bitpipe_gpu_shared());
  write(shared + bitpipe_gpu_thread(), 1);
}

/// Runs a kernel that may touch x alone.
static std::string run(const char *name, void (*entry)(void *const *), std::vector<float> &x, int64_t grid,
                       int64_t block, int64_t shared, bool needsFibers, std::vector<float> *y = nullptr) {
  void *arguments[] = {x.data(), y ? y->data() : nullptr};
  auto inside = [](const std::vector<float> &memory, const void *address, int64_t bytes) {
    auto *first = static_cast<const char *>(address), *begin = reinterpret_cast<const char *>(memory.data());
    return first >= begin && first + bytes <= begin + memory.size() * sizeof(float);
  };
  auto allowed = [&](const void *address, int64_t bytes, bool writes) {
    return (y && inside(*y, address, bytes)) || inside(x, address, bytes);
  };
  return runGrid({name, entry, arguments, grid, block, shared, needsFibers}, allowed).value_or("");
}

static void expectFault(const char *expected, const std::string &got) {
  expect(got.find(expected) != std::string::npos, expected, got);
}

int main() {
  std::vector<float> x(3 * 96), y(3), none;
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = float(i % 7);
  std::vector<float> sums(3);
  for (size_t i = 0; i < x.size(); ++i)
    sums[i / 96] += x[i];
  std::string error = run("sum", sumBlocks, x, 3, 96, 12, true, &y);
  expect(error.empty() && y == sums, "sums of blocks", error);

  error = run("square", square, x, 3, 96, 0, false);
  expect(error.empty() && x[6] == 36, "squares", error);
  expectFault("kernel square, block 3, thread 0: reads 4 bytes at ", run("square", square, x, 4, 96, 0, false));
  expectFault("kernel square, block 3, thread 0: reads 4 bytes at ", run("square", square, x, 4, 96, 0, true));
  expectFault("kernel shared, block 0, thread 8: writes 4 bytes at ", run("shared", beyondShared, none, 1, 32, 32, true));
  expectFault("kernel barrier, block 0, thread 5: ends without a barrier that 63 threads are at",
              run("barrier", barrierOfSome, none, 1, 64, 0, true));
  expectFault("kernel shuffle, block 0, thread 40: does not come to a shuffle that 31 threads of its warp are at",
              run("shuffle", shuffleOfSome, none, 1, 64, 0, true));
  std::vector<float> next(64);
  error = run("exchange", exchangeTwice, next, 1, 64, 0, true);
  bool isNext = true;
  for (int i = 0; i < 64; ++i)
    isNext &= next[i] == float(i / 32 * 32 + (i + 1) % 32);
  expect(error.empty() && isNext, "what the next thread of the warp has shown", error);
  expectFault("kernel some, block 0, thread 7: does not come to an exchange that 31 threads of its warp are at",
              run("some", exchangeOfSome, none, 1, 32, 0, true));
  expectFault("kernel much, block 0, thread 0: exchanges 40 bytes, expected at most 32",
              run("much", exchangeMuch, none, 1, 32, 0, true));
  expectFault("kernel masks, block 0, thread 3: shuffles with mask 2",
              run("masks", shuffleWithMasks, none, 1, 32, 0, true));
  expectFault("kernel mixed, block 0, thread 0: does not come to a shuffle",
              run("mixed", shuffleBesideBarrier, none, 1, 32, 0, true));
  expectFault("kernel sum, block 0, thread 0: waits for others, but its kernel is said not to",
              run("sum", sumBlocks, x, 1, 96, 12, false, &y));
  return failures != 0;
}
