//===- Marks.h - What a GPU tells of how far it has come -------------------------===//
//
// A thread that puts a step into streams, or launches a graph of it, learns nothing of it
// until it has ended. So a message leaves a mark when it is complete: in its stream, behind
// it, the number of the step is copied to a word of the host's memory, four bytes that whoever
// wants to know reads at any time. In a graph they are nodes as all others.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CUDA_MARKS_H
#define BITPIPE_RUNTIME_CUDA_MARKS_H

#include "lib/Runtime/CUDA/Handles.h"

#include <atomic>
#include <cstring>

namespace bitpipe {

class Marks {
public:
  /// `step` is where the GPU finds how many steps have begun, 32 bits, whenever a mark is left.
  Marks(size_t count, cuda::Pointer step, const std::string &purpose)
      : words(count * apart, purpose), step(step) {
    std::memset(words.data(), 0, count * apart);
  }

  /// Marks of one number are left one after the other.
  void leave(size_t mark, cuda::Stream stream) const {
    cuda::check(cuda::driver().copyToHost(words.data() + mark * apart, step, sizeof(uint32_t), stream),
                "mark how far the GPU is");
  }
  /// In how many steps it has been left. Called by any thread.
  uint32_t steps(size_t mark) const {
    auto *word = reinterpret_cast<uint32_t *>(words.data() + mark * apart);
    return std::atomic_ref(*word).load(std::memory_order_relaxed);
  }

private:
  /// Streams write at the same time, each to lines of its own.
  static constexpr size_t apart = 64;

  const PinnedMemory words;
  const cuda::Pointer step;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CUDA_MARKS_H
