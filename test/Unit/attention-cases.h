//===- attention-cases.h - Random attentions ------------------------------------===//
//
// Sizes, strides, bands, heads, biases, softcaps and dropouts, for tests of kernels.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TEST_UNIT_ATTENTION_CASES_H
#define BITPIPE_TEST_UNIT_ATTENTION_CASES_H

#include "test/Unit/attention-reference.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <random>

namespace bitpipe {

using Part = AttentionCall::Part;

inline std::mt19937 draw(1);

inline int64_t pick(int64_t low, int64_t high) {
  return low + int64_t(draw() % uint64_t(high - low + 1));
}

/// Sizes on both sides of what lanes, tiles and blocks have.
inline int64_t pickSize() {
  const int64_t edges[] = {1, 2, 15, 16, 17, 63, 64, 65, 95, 96, 97, 127, 128, 129, 200};
  return pick(0, 1) ? edges[pick(0, std::size(edges) - 1)] : pick(1, 140);
}

struct CaseLimits {
  int64_t most = 200; // rows and columns
  int64_t mostSize = 70;
  bool wide = false; // rows of heads begin at multiples of eight elements
};

inline AttentionCall makeCall(const CaseLimits &limits = {}) {
  AttentionCall call{};
  attention::Sizes &n = call.sizes;
  n.batch = pick(1, 2);
  n.kvHeads = pick(1, 3);
  n.heads = n.kvHeads * pick(1, 3);
  n.rows = std::min(pickSize(), limits.most);
  n.columns = pick(0, 2) ? std::min(pickSize(), limits.most) : n.rows;
  n.size = pick(0, 1) ? 8 * pick(1, 5) : pick(1, limits.mostSize);
  n.valueSize = pick(0, 2) ? n.size : pick(1, 40);
  if (limits.wide) {
    n.size = 8 * pick(1, 16);
    n.valueSize = pick(0, 2) ? n.size : 8 * pick(1, 16);
  }
  call.scale = pick(0, 3) ? 1 / std::sqrt(double(n.size)) : -0.25;
  if (pick(0, 1))
    call.right = pick(0, 2) ? 0 : pick(0, 60);
  if (pick(0, 2) == 0)
    call.left = pick(0, 60);
  if (pick(0, 3) == 0)
    call.softcap = pick(1, 8);
  if (pick(0, 2) == 0)
    call.dropout = 0.1 * double(pick(0, 9));
  return call;
}

/// Strides of these sizes in a random order with some room between, the last
/// `contiguous` dimensions excepted, which are not listed.
inline std::vector<int64_t> makeStrides(std::vector<int64_t> sizes, int64_t contiguous) {
  std::vector<size_t> order(sizes.size());
  for (size_t i = 0; i < order.size(); ++i)
    order[i] = i;
  std::shuffle(order.begin(), order.end(), draw);
  std::vector<int64_t> strides(sizes.size());
  int64_t unit = contiguous % 8 ? 1 : 8;
  int64_t stride = contiguous + pick(0, 1) * 5 * unit;
  for (size_t i : order) {
    strides[i] = stride;
    stride = stride * sizes[i] + pick(0, 1) * 3 * unit;
  }
  return strides;
}

inline std::vector<int64_t> biasStrides(const attention::Sizes &n, int form) {
  const std::vector<int64_t> full = {n.batch, n.heads, n.rows, n.columns};
  std::vector<int64_t> strides = makeStrides(full, 1);
  if (pick(0, 2)) { // as biases mostly lie
    strides = {n.heads * n.rows * n.columns, n.rows * n.columns, n.columns, 1};
  }
  for (int d = 0; d < 4; ++d)
    if (form >> d & 1 || full[d] == 1)
      strides[d] = 0;
  return strides;
}

inline void setOperands(AttentionCall &call, int biasForm, const std::vector<int64_t> &bias) {
  const attention::Sizes &n = call.sizes;
  auto set = [&](Part part, std::vector<int64_t> strides) {
    call.operands[part] = {{}, std::move(strides)};
  };
  set(Part::Q, makeStrides({n.batch, n.rows, n.heads}, n.size));
  set(Part::K, makeStrides({n.batch, n.columns, n.kvHeads}, n.size));
  set(Part::V, makeStrides({n.batch, n.columns, n.kvHeads}, n.valueSize));
  set(Part::O, makeStrides({n.batch, n.rows, n.heads}, n.valueSize));
  set(Part::Lse, makeStrides({n.batch, n.heads}, n.rows));
  if (biasForm >= 0)
    set(Part::Bias, bias);
  if (call.dropout)
    set(Part::Key, {});
  if (!call.gradient)
    return;
  set(Part::DOutput, makeStrides({n.batch, n.rows, n.heads}, n.valueSize));
  set(Part::DQ, makeStrides({n.batch, n.rows, n.heads}, n.size));
  set(Part::DK, makeStrides({n.batch, n.columns, n.kvHeads}, n.size));
  set(Part::DV, makeStrides({n.batch, n.columns, n.kvHeads}, n.valueSize));
  if (biasForm >= 0 && pick(0, 2))
    set(Part::DBias, biasStrides(n, biasForm));
}

inline std::vector<float> makeValues(size_t count, float factor) {
  std::vector<float> values(count);
  for (float &value : values)
    value = factor * float(pick(-1000, 1000)) / 1000;
  return values;
}

/// Some of a bias are -infinity, and sometimes all of a row.
inline void maskBias(std::vector<float> &bias) {
  for (float &value : bias)
    if (pick(0, 5) == 0)
      value = -INFINITY;
}

/// A call's operands with values, o and lse as the forward direction leaves them.
inline Memory makeMemory(const AttentionCall &call, int biasForm) {
  Memory memory(call);
  for (size_t part = 0; part < memory.tensors.size(); ++part)
    if (part != Part::Key)
      memory.tensors[part] = makeValues(memory.tensors[part].size(), part == Part::Q ? 3 : 1);
  if (biasForm >= 0 && pick(0, 1))
    maskBias(memory.tensors[Part::Bias]);
  memory.key = uint64_t(draw()) << 32 | draw();
  BrainMemory(call, memory).widen();
  if (call.gradient)
    compute(call, memory, false);
  BrainMemory(call, memory).widen();
  return memory;
}

/// The first element of a tensor that is further off than rounding to the type of the
/// elements, and `tolerance` of the largest one, explain.
inline std::optional<size_t> findWrong(const AttentionCall &call, size_t part,
                                       const std::vector<float> &got,
                                       const std::vector<float> &expected, double tolerance) {
  double most = 1, rounding = call.elementBytes(Part(part)) == 2 ? 0x1p-8 : 0;
  for (float value : expected)
    most = std::isfinite(value) ? std::max(most, std::abs(double(value))) : most;
  for (size_t i = 0; i < got.size(); ++i)
    if (std::memcmp(&got[i], &expected[i], 4) &&
        !(std::abs(got[i] - expected[i]) <= tolerance * most + rounding * std::abs(expected[i])))
      return i;
  return {};
}

} // namespace bitpipe

#endif // BITPIPE_TEST_UNIT_ATTENTION_CASES_H
