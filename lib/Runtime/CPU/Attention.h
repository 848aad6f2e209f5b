//===- Attention.h - Attention in one piece ---------------------------------===//
//
// FlashAttention-2 (Dao, 2023) on blocks that stay in the cache. Before step 1 every
// call becomes a task; running one only sets addresses. A task is a number
// of items that may be run in any order, by whomever, to the same bits.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CPU_ATTENTION_H
#define BITPIPE_RUNTIME_CPU_ATTENTION_H

#include "lib/Runtime/CPU/AttentionTask.h"
#include "lib/Runtime/Plan/Program.h"

#include <cstdlib>
#include <memory>

namespace bitpipe {

/// The attentions of a plan, shared by all devices.
class AttentionLibrary {
public:
  /// Runs with these kernels, or with the fastest that the processor has.
  explicit AttentionLibrary(const attention::Kernels *kernels = nullptr);

  /// Returns the call's number.
  size_t add(const AttentionCall &call);

  /// How many items a call has.
  int64_t items(size_t number) const { return entries[number].items; }
  /// Bytes that everyone who runs items of it needs, at a multiple of 64.
  int64_t workspaceBytes(size_t number) const {
    return entries[number].task.workspace.bytes();
  }
  /// A workspace of one's own that does for every call; null if there are none.
  struct Free {
    void operator()(void *memory) const { std::free(memory); }
  };
  using OwnWorkspace = std::unique_ptr<void, Free>;
  void *allocateWorkspace() const;
  /// Runs items begin to end - 1. `places` has an address per AttentionCall::Part,
  /// null for what the call does not have.
  void run(size_t number, int64_t begin, int64_t end, void *const *places,
           void *workspace) const;

private:
  struct Entry {
    attention::Task task;
    int64_t items;
    attention::Kernel kernel;
  };

  const attention::Kernels *kernels;
  std::vector<Entry> entries;
};

/// "8x12x1024x1024x64": batch, heads, rows, columns and size.
std::string text(const attention::Sizes &sizes);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CPU_ATTENTION_H
