//===- Attention.cpp - Attention in one piece -------------------------------===//

#include "lib/Runtime/CPU/Attention.h"

#include <algorithm>
#include <new>

#include <cmath>

using namespace bitpipe;
using namespace bitpipe::attention;

static HeadStrides headStrides(const AttentionCall &call, AttentionCall::Part part) {
  const auto &operand = call.operands[part];
  if (!operand)
    return {};
  return {operand->strides[0], operand->strides[1], operand->strides[2]};
}

static ScoreStrides scoreStrides(const AttentionCall &call, AttentionCall::Part part) {
  const auto &operand = call.operands[part];
  if (!operand)
    return {};
  const std::vector<int64_t> &s = operand->strides;
  return {s[0], s[1], s[2], s[3]};
}

static void setDropout(Task &task, double ratio) {
  // As in the kernels of pipe.dropout: a ratio next to 1 must not round to one.
  task.dropout = true;
  task.dropBelow = std::min(std::round(ratio * 0x1p32), 0x1p32 - 1);
  task.kept = 1 / (1 - ratio);
}

static Task taskOf(const AttentionCall &call) {
  Task task{};
  task.sizes = call.sizes;
  task.workspace = workspaceOf(call.sizes, call.gradient);
  task.q = headStrides(call, AttentionCall::Q);
  task.k = headStrides(call, AttentionCall::K);
  task.v = headStrides(call, AttentionCall::V);
  task.o = headStrides(call, AttentionCall::O);
  task.dOutput = headStrides(call, AttentionCall::DOutput);
  task.dq = headStrides(call, AttentionCall::DQ);
  task.dk = headStrides(call, AttentionCall::DK);
  task.dv = headStrides(call, AttentionCall::DV);
  const std::vector<int64_t> &lse = call.operands[AttentionCall::Lse]->strides;
  task.lseBatch = lse[0], task.lseHead = lse[1];
  task.bias = scoreStrides(call, AttentionCall::Bias);
  task.dBias = scoreStrides(call, AttentionCall::DBias);
  task.biased = call.operands[AttentionCall::Bias].has_value();
  task.biasGradient = call.operands[AttentionCall::DBias].has_value();
  constexpr double log2e = 1.4426950408889634;
  task.scale = call.scale;
  task.capped = call.softcap.has_value();
  task.queryScale = task.capped ? call.scale / *call.softcap : call.scale * log2e;
  task.scoreScale = task.capped ? *call.softcap * log2e : 0;
  int64_t widest = call.sizes.rows + call.sizes.columns;
  task.left = std::min(call.left.value_or(widest), widest);
  task.right = std::min(call.right.value_or(widest), widest);
  if (call.dropout)
    setDropout(task, *call.dropout);
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
  entries.push_back({task, items, call.gradient ? kernels->gradient : kernels->forward});
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
  auto floats = [&](AttentionCall::Part part) { return static_cast<float *>(places[part]); };
  Operands operands{floats(AttentionCall::Q),
                    floats(AttentionCall::K),
                    floats(AttentionCall::V),
                    floats(AttentionCall::Bias),
                    static_cast<const uint64_t *>(places[AttentionCall::Key]),
                    floats(AttentionCall::O),
                    floats(AttentionCall::Lse),
                    floats(AttentionCall::DOutput),
                    floats(AttentionCall::DQ),
                    floats(AttentionCall::DK),
                    floats(AttentionCall::DV),
                    floats(AttentionCall::DBias)};
  const Entry &entry = entries[number];
  for (int64_t item = begin; item < end; ++item)
    entry.kernel(entry.task, operands, item, static_cast<float *>(workspace));
}

std::string bitpipe::text(const Sizes &n) {
  std::string out;
  for (int64_t size : {n.batch, n.heads, n.rows, n.columns, n.size})
    out += (out.empty() ? "" : "x") + std::to_string(size);
  return out;
}
