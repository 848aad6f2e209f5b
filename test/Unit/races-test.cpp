//===- races-test.cpp - Accesses that nothing puts in order ----------------===//
//
// Small kernels with one race each, which is found whatever runs first, and the same ones
// without it, in which nothing is.
//
//===----------------------------------------------------------------------===//

#include "test/Doubles/Grid.h"

#include <cstdio>
#include <vector>

using namespace bitpipe;
using namespace bitpipe::doubles;

namespace {

int thread() { return bitpipe_gpu_thread(); }
bool is(int block, int thread) { return bitpipe_gpu_block() == block && bitpipe_gpu_thread() == thread; }
void barrier() { bitpipe_gpu_barrier(); }

/// A byte and a word of shared memory, and a word of global memory, which the kernel gets as its
/// argument.
char *byte(int i) { return static_cast<char *>(bitpipe_gpu_shared()) + i; }
float *shared(int i) { return static_cast<float *>(bitpipe_gpu_shared()) + i; }
float *x(void *const *arguments, int i) { return static_cast<float *>(arguments[0]) + i; }

void touch(void *address, int bytes, gpu::Access access) { bitpipe_gpu_access(address, bytes, access); }
void read(void *address, int bytes = 4) { touch(address, bytes, gpu::Reads); }
void write(void *address, int bytes = 4) { touch(address, bytes, gpu::Writes); }
void change(void *address) { touch(address, 4, gpu::Changes); }
/// The row of 16 bytes that is the thread's or its neighbour's.
float *row() { return shared(4 * thread()); }
float *otherRow() { return shared(4 * (thread() ^ 1)); }
void copy(void *const *arguments) { bitpipe_gpu_start_copy(row(), x(arguments, 4 * thread()), 16); }
void await() { bitpipe_gpu_await_copies(); }

using Arguments = void *const *;
struct Case {
  const char *name;
  void (*kernel)(Arguments);
  const char *wrong = ""; // what is said of blocks and threads that go forwards
};

const Case ofBlocks[] = {
    {"each writes its own", [](Arguments) { write(shared(thread())); }},
    {"all write one", [](Arguments) { write(shared(7)); },
     "block 0, thread 1: writes byte 28 of shared memory, 4 bytes, which thread 0 of block 0 writes"},
    {"read behind a barrier",
     [](Arguments) { write(shared(thread())), barrier(), read(shared(thread() ^ 1)); }},
    {"read at once", [](Arguments) { write(shared(thread())), read(shared(63 - thread())); },
     "thread 32: writes byte 128 of shared memory, 4 bytes, which thread 31 of block 0 reads"},
    {"written behind a barrier", [](Arguments) { read(shared(thread() ^ 1)), barrier(), write(shared(thread())); }},
    {"written at once", [](Arguments) { read(shared(63 - thread())), write(shared(thread())); },
     "thread 32: reads byte 124 of shared memory, 4 bytes, which thread 31 of block 0 writes"},
    {"a shuffle orders nothing",
     [](Arguments) { write(shared(thread())), bitpipe_gpu_shuffle_xor(1, 1), read(shared(thread() ^ 1)); },
     "thread 0: reads byte 4 of shared memory, 4 bytes, which thread 1 of block 0 writes"},
    {"an exchange orders nothing",
     [](Arguments) { write(shared(thread())), bitpipe_gpu_exchange("", 1), read(shared(thread() ^ 1)); },
     "thread 0: reads byte 4 of shared memory, 4 bytes, which thread 1 of block 0 writes"},
    {"one of many readers writes", [](Arguments) { read(shared(0)), is(0, 63) ? write(shared(0)) : void(); },
     "thread 63: writes byte 0 of shared memory, 4 bytes, which thread 0 of block 0 reads"},
    {"the first of many readers writes",
     [](Arguments) { read(shared(0)), bitpipe_gpu_shuffle_xor(1, 1), is(0, 0) ? write(shared(0)) : void(); },
     "thread 0: writes byte 0 of shared memory, 4 bytes, which thread 31 of block 0 reads"},
    {"the only reader writes", [](Arguments) { is(0, 63) ? (read(shared(0)), write(shared(0))) : void(); }},
    {"bytes of one word", [](Arguments) { write(byte(thread()), 1); }},
    {"halves of one word", [](Arguments) { write(byte(2 * thread()), 2); }},
    {"a byte of a wide access",
     [](Arguments) { thread() ? write(byte(14 + thread()), 1) : write(byte(0), 16); },
     "thread 1: writes byte 15 of shared memory, 1 bytes, which thread 0 of block 0 writes"},
    {"a byte beside a wide access",
     [](Arguments) { thread() ? write(byte(15 + thread()), 1) : write(byte(0), 16); }},
    {"more than a page",
     [](Arguments) { thread() ? write(shared(2047)) : write(shared(8), 8192 - 32); },
     "thread 1: writes byte 8188 of shared memory, 4 bytes, which thread 0 of block 0 writes"},

    {"rows for a warp", [](Arguments) { write(row(), 16), barrier(), touch(row(), 16, gpu::ReadsForWarp); }},
    {"one's own row for a warp", [](Arguments) { write(row(), 16), touch(row(), 16, gpu::ReadsForWarp); },
     "thread 0: reads for its warp byte 0 of shared memory, 16 bytes, which thread 0 of block 0 writes"},
    {"written while a warp reads", [](Arguments) { touch(row(), 16, gpu::ReadsForWarp), write(row(), 16); },
     "thread 0: writes byte 0 of shared memory, 16 bytes, which warp 0 of block 0 reads"},

    {"a copy",
     [](Arguments a) { copy(a), read(x(a, 4 * thread())), await(), read(row()), barrier(), read(otherRow()); }},
    {"a copy, awaited behind the barrier", [](Arguments a) { copy(a), barrier(), await(), read(otherRow()); },
     "thread 0: reads byte 16 of shared memory, 4 bytes, which a copy that thread 1 of block 0 has not awaited writes"},
    {"a copy, no barrier", [](Arguments a) { copy(a), await(), bitpipe_gpu_shuffle_xor(1, 1), read(otherRow()); },
     "thread 0: reads byte 16 of shared memory, 4 bytes, which thread 1 of block 0 writes"},
    {"one's own copy, not awaited", [](Arguments a) { copy(a), read(row()), await(); },
     "thread 0: reads byte 0 of shared memory, 4 bytes, which a copy that thread 0 of block 0 has not awaited writes"},
    {"a copy behind the barrier after reads", [](Arguments a) { read(otherRow()), barrier(), copy(a), await(); }},
    {"a copy that is started too early", [](Arguments a) { read(otherRow()), copy(a), await(); },
     "thread 1: reads byte 0 of shared memory, 4 bytes, which thread 0 of block 0 writes"},
    {"read before the copy, in another's turn",
     [](Arguments a) { thread() == 9 ? copy(a), await() : read(shared(36)); },
     "thread 9: starts a copy to byte 144 of shared memory, 16 bytes, which thread 0 of block 0 reads"},
    {"two copies to one place", [](Arguments a) { copy(a), copy(a), await(); },
     "thread 0: starts a copy to byte 0 of shared memory, 16 bytes, which a copy that thread 0 of block 0 has not "
     "awaited writes"},
    {"a copy of what is written later", [](Arguments a) { copy(a), await(), write(x(a, 4 * thread())); }},
    {"a copy of what is written meanwhile", [](Arguments a) { copy(a), write(x(a, 4 * thread())), await(); },
     "thread 0: awaits a copy from 0x"},
    {"a copy of what others write meanwhile",
     [](Arguments a) { copy(a), barrier(), write(x(a, 4 * (thread() ^ 1))), barrier(), await(); },
     "thread 0: awaits a copy from 0x"},
    {"a copy of what others have written", [](Arguments a) { thread() ? copy(a), await() : write(x(a, 64)); },
     "thread 16: starts a copy from 0x"},
    {"zeros are read from nowhere",
     [](Arguments a) { bitpipe_gpu_start_copy(row(), nullptr, 16), write(x(a, 4 * thread())), await(); }},
    {"a copy that nobody awaits", [](Arguments a) { copy(a); },
     "thread 0: ends and has not awaited 1 copies that it has started"},
};

const Case ofGrids[] = {
    {"each block its own", [](Arguments a) { write(x(a, 64 * bitpipe_gpu_block() + thread())); }},
    {"all read", [](Arguments a) { read(x(a, 0)); }},
    {"two blocks write", [](Arguments a) { thread() == 5 ? write(x(a, 0)) : void(); },
     "block 1, thread 5: writes 0x"},
    {"a barrier does not order blocks",
     [](Arguments a) { barrier(), thread() == 5 ? write(x(a, 0)) : void(), barrier(); },
     "4 bytes, which thread 5 of block 0 writes, and nothing puts one after the other"},
    {"one writes, one reads",
     [](Arguments a) { is(0, 3) ? write(x(a, 0)) : is(1, 4) ? read(x(a, 0)) : void(); },
     "4 bytes, which thread 3 of block 0 writes, and nothing"},
    {"one reads, one writes",
     [](Arguments a) { is(0, 3) ? read(x(a, 0)) : is(1, 3) ? write(x(a, 0)) : void(); },
     "4 bytes, which thread 3 of block 0 reads, and nothing"},
    {"both read, one writes",
     [](Arguments a) { read(x(a, thread())), barrier(), is(1, 3) ? (read(x(a, 3)), write(x(a, 3))) : void(); },
     "4 bytes, which thread 3 of block 0 reads, and nothing"},
    {"threads of a block",
     [](Arguments a) { is(1, 3) ? write(x(a, 0)) : is(1, 40) ? read(x(a, 0)) : void(); },
     "thread 40: reads 0x"},
    {"threads of a block behind a barrier",
     [](Arguments a) { is(1, 3) ? write(x(a, 0)) : void(), barrier(), is(1, 40) ? read(x(a, 0)) : void(); }},
    {"shared memory is each block's own",
     [](Arguments) { thread() == bitpipe_gpu_block() ? write(shared(0)) : void(); }},

    {"atomic operations", [](Arguments a) { change(x(a, 0)); }},
    {"atomic, and read elsewhere in the block",
     [](Arguments a) { change(x(a, 0)), is(0, 63) ? read(x(a, 0)) : void(); },
     "block 0, thread 63: reads 0x"},
    {"atomic, and written elsewhere in the block",
     [](Arguments a) { is(0, 3) ? write(x(a, 0)) : is(0, 40) ? change(x(a, 0)) : void(); },
     "block 0, thread 40: changes 0x"},
    {"atomic, and read behind a barrier",
     [](Arguments a) { !bitpipe_gpu_block() ? change(x(a, 0)) : void(),
       barrier(), is(0, 3) ? read(x(a, 0)) : void(); }},
    {"atomic in all blocks, and read behind a barrier",
     [](Arguments a) { change(x(a, 0)), barrier(), is(1, 63) ? read(x(a, 0)) : void(); },
     "4 bytes, which several threads of block 0 change, and nothing"},
    {"atomic in all blocks, and read in the first",
     [](Arguments a) { change(x(a, 0)), barrier(), is(0, 63) ? read(x(a, 0)) : void(); },
     "4 bytes, which thread 63 of block 0 reads, and nothing"},
    {"atomic, and one's own",
     [](Arguments a) { is(0, 3) ? (write(x(a, 0)), change(x(a, 0)), read(x(a, 0))) : void(); }},
    {"atomic, behind a read", [](Arguments a) { is(0, 3) ? read(x(a, 0)) : is(1, 3) ? change(x(a, 0)) : void(); },
     "block 1, thread 3: changes 0x"},
};

int failures = 0;

void fail(const Case &of, const std::string &what) {
  fprintf(stderr, "%s: %s\n", of.name, what.c_str());
  ++failures;
}

std::string run(const Case &of, int64_t blocks, Order order, bool fibers) {
  static std::vector<float> memory(256);
  void *arguments[] = {memory.data()};
  auto allowed = [](const void *address, int64_t bytes, bool) {
    auto *begin = static_cast<const char *>(address), *all = reinterpret_cast<const char *>(memory.data());
    return begin >= all && begin + bytes <= all + memory.size() * sizeof(float);
  };
  constexpr int64_t threads = 64, sharedBytes = 12 << 10;
  return runGrid({of.name, of.kernel, arguments, blocks, threads, sharedBytes, fibers, order}, allowed).value_or("");
}

/// Launches come one after the other: nothing is left of the one before.
void expect(const Case &of, int64_t blocks, bool fibers = true) {
  std::string forward = run(of, blocks, Order::Forward, fibers), backward = run(of, blocks, Order::Backward, fibers);
  if (!*of.wrong && !(forward + backward).empty())
    return fail(of, "unexpected: " + forward + backward);
  if (forward.find(of.wrong) == std::string::npos)
    fail(of, "expected '" + std::string(of.wrong) + "', got '" + forward + "'");
  if (*of.wrong && backward.empty())
    fail(of, "found only where threads go forwards");
}

} // namespace

int main() {
  for (const Case &of : ofBlocks)
    expect(of, 1);
  for (const Case &of : ofGrids)
    expect(of, 2);
  // Threads that do not wait for each other, which are no fibers.
  expect(ofBlocks[0], 1, false), expect(ofBlocks[1], 1, false);
  expect({"a copy", [](Arguments a) { copy(a); }, "starts a copy, but its kernel is said not to wait"}, 1, false);
  return failures != 0;
}
