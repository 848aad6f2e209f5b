//===- Attention.cpp - Attention in one piece -------------------------------===//

#include "lib/Runtime/CPU/Attention.h"

#include "lib/Runtime/Plan/AttentionLayout.h"

#include <algorithm>
#include <new>

using namespace bitpipe;
using namespace bitpipe::attention;

static Task taskOf(const AttentionCall &call) {
  Task task{};
  static_cast<Layout &>(task) = layoutOf(call);
  task.sizes = call.sizes;
  task.workspace = workspaceOf(call.sizes, call.gradient);
  task.biased = call.operands[AttentionCall::Bias].has_value();
  task.biasGradient = call.operands[AttentionCall::DBias].has_value();
  constexpr double log2e = 1.4426950408889634;
  task.scale = call.scale;
  task.capped = call.softcap.has_value();
  task.queryScale = task.capped ? call.scale / *call.softcap : call.scale * log2e;
  task.scoreScale = task.capped ? *call.softcap * log2e : 0;
  task.dropout = call.dropout.has_value();
  return task;
}

AttentionLibrary::AttentionLibrary(const Kernels *given) : kernels(given) {
  const Kernels *found[3];
  if (!kernels && kernelsOfProcessor(found))
    kernels = found[0];
}

size_t AttentionLibrary::add(const AttentionCall &call) {
  Task task = taskOf(call);
  int64_t items = call.gradient ? GradientItems(task).count() : forwardItems(call.sizes);
  bool brain = call.element == StoredFloat::BF16;
  const Kernels::Directions &found = brain ? kernels->bf16 : kernels->f32;
  entries.push_back({task, items, call.gradient ? found.gradient : found.forward});
  return entries.size() - 1;
}

void *AttentionLibrary::allocateWorkspace() const {
  int64_t bytes = 0;
  for (const Entry &entry : entries)
    bytes = std::max(bytes, entry.task.workspace.bytes());
  if (bytes == 0)
    return nullptr;
  if (void *memory = std::aligned_alloc(64, (bytes + 63) / 64 * 64))
    return memory;
  throw std::bad_alloc();
}

void AttentionLibrary::run(size_t number, int64_t begin, int64_t end, void *const *places,
                           void *workspace) const {
  const Entry &entry = entries[number];
  for (int64_t item = begin; item < end; ++item)
    entry.kernel(entry.task, places, item, static_cast<float *>(workspace));
}

std::string bitpipe::text(const Sizes &n) {
  std::string out;
  for (int64_t size : {n.batch, n.heads, n.rows, n.columns, n.size})
    out += (out.empty() ? "" : "x") + std::to_string(size);
  return out;
}
