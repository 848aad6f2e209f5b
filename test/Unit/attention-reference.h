//===- attention-reference.h - pipe.attention's formulas as plain loops -----===//

#ifndef BITPIPE_TEST_UNIT_ATTENTION_REFERENCE_H
#define BITPIPE_TEST_UNIT_ATTENTION_REFERENCE_H

#include "lib/Runtime/Plan/Program.h"

#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>

namespace bitpipe {

/// What a call's operands hold, one tensor per part, and the key.
struct Memory {
  std::array<std::vector<float>, AttentionCall::names.size()> tensors;
  uint64_t key = 0;

  explicit Memory(const AttentionCall &call) {
    for (size_t part = 0; part < tensors.size(); ++part) {
      if (!call.operands[part] || part == AttentionCall::Key)
        continue;
      std::vector<int64_t> sizes = call.sizesOf(AttentionCall::Part(part));
      int64_t reach = 1;
      for (size_t i = 0; i < sizes.size(); ++i)
        reach += (sizes[i] - 1) * stride(call, part, i);
      tensors[part].resize(reach);
    }
  }

  static int64_t stride(const AttentionCall &call, size_t part, size_t dimension) {
    const std::vector<int64_t> &strides = call.operands[part]->strides;
    return dimension < strides.size() ? strides[dimension] : 1;
  }

  std::vector<void *> places() {
    std::vector<void *> all;
    for (std::vector<float> &tensor : tensors)
      all.push_back(tensor.empty() ? nullptr : tensor.data());
    all[AttentionCall::Key] = &key;
    return all;
  }

  /// Makes all that is overwritten NaN, and nothing that lies between.
  void spoil(const AttentionCall &call) {
    for (size_t part = 0; part < tensors.size(); ++part)
      if (call.operands[part] && call.writes(AttentionCall::Part(part)) &&
          part != AttentionCall::DBias)
        spoilPart(call, part, call.sizesOf(AttentionCall::Part(part)), 0, 0);
  }

private:
  void spoilPart(const AttentionCall &call, size_t part, const std::vector<int64_t> &sizes,
                 size_t dimension, int64_t offset) {
    if (dimension == sizes.size()) {
      tensors[part][offset] = std::numeric_limits<float>::quiet_NaN();
      return;
    }
    for (int64_t i = 0; i < sizes[dimension]; ++i)
      spoilPart(call, part, sizes, dimension + 1, offset + i * stride(call, part, dimension));
  }
};

/// The operands of a call whose elements are bf16, as the kernels see them.
class BrainMemory {
public:
  BrainMemory(const AttentionCall &call, Memory &memory) : memory(memory), all(memory.places()) {
    for (size_t part = 0; part < tensors.size(); ++part) {
      if (!call.operands[part] || call.elementBytes(AttentionCall::Part(part)) != 2)
        continue;
      for (float value : memory.tensors[part])
        tensors[part].push_back(toBrain(value));
      all[part] = tensors[part].data();
    }
  }
  std::vector<void *> places() const { return all; }
  size_t bytes(size_t part) const {
    return all[part] == memory.tensors[part].data() ? memory.tensors[part].size() * 4
                                                    : tensors[part].size() * 2;
  }
  /// Writes back what the operands hold.
  void widen() {
    for (size_t part = 0; part < tensors.size(); ++part)
      for (size_t i = 0; i < tensors[part].size(); ++i)
        memory.tensors[part][i] = fromBrain(tensors[part][i]);
  }

private:
  Memory &memory;
  std::vector<void *> all;
  std::array<std::vector<uint16_t>, AttentionCall::names.size()> tensors;
};

/// Memory at a multiple of 64 that holds NaN, with a guard behind it.
struct Workspace {
  explicit Workspace(int64_t bytes) : floats(bytes / 4) {
    begin = static_cast<float *>(std::aligned_alloc(64, bytes + 64));
    std::fill_n(begin, floats, std::numeric_limits<float>::quiet_NaN());
    std::fill_n(begin + floats, 16, 77.0f);
  }
  Workspace(const Workspace &) = delete;
  ~Workspace() { std::free(begin); }
  bool intact() const {
    for (int i = 0; i < 16; ++i)
      if (begin[floats + i] != 77)
        return false;
    return true;
  }

  float *begin;
  int64_t floats;
};

/// One row of one head in double precision.
class ReferenceRow {
public:
  ReferenceRow(const AttentionCall &call, Memory &memory, int64_t b, int64_t h, int64_t r)
      : call(call), memory(memory), n(call.sizes), b(b), h(h), r(r), kv(h / n.group()),
        scores(n.columns, -INFINITY), tanhs(n.columns), masks(n.columns, 1) {
    for (int64_t c = 0; c < n.columns; ++c)
      score(c);
  }

  void forward() {
    double most = -INFINITY, sum = 0;
    for (double s : scores)
      most = std::max(most, s);
    for (double s : scores)
      sum += most == -INFINITY ? 0 : std::exp(s - most);
    double lse = most == -INFINITY ? -INFINITY : most + std::log(sum);
    *at(AttentionCall::Lse, {b, h, r}) = float(lse);
    for (int64_t d = 0; d < n.valueSize; ++d) {
      double out = 0;
      for (int64_t c = 0; c < n.columns; ++c)
        out += probability(c, lse) * masks[c] * *at(AttentionCall::V, {b, c, kv, d});
      *at(AttentionCall::O, {b, r, h, d}) = float(out);
    }
  }

  /// Sums of dk, dv and dbias are in double, as `sums`.
  void gradient(std::array<std::vector<double>, AttentionCall::names.size()> &sums) {
    double lse = *at(AttentionCall::Lse, {b, h, r}), delta = 0;
    for (int64_t d = 0; d < n.valueSize; ++d)
      delta += double(*at(AttentionCall::DOutput, {b, r, h, d})) * *at(AttentionCall::O, {b, r, h, d});
    for (int64_t c = 0; c < n.columns; ++c) {
      double p = probability(c, lse), dp = 0;
      for (int64_t d = 0; d < n.valueSize; ++d) {
        double dOutput = *at(AttentionCall::DOutput, {b, r, h, d});
        dp += dOutput * *at(AttentionCall::V, {b, c, kv, d});
        sums[AttentionCall::DV][index(AttentionCall::DV, {b, c, kv, d})] += p * masks[c] * dOutput;
      }
      double ds = p * (dp * masks[c] - delta);
      if (call.operands[AttentionCall::DBias])
        sums[AttentionCall::DBias][index(AttentionCall::DBias, {b, h, r, c})] += ds;
      ds *= call.scale * (1 - tanhs[c] * tanhs[c]);
      for (int64_t d = 0; d < n.size; ++d) {
        sums[AttentionCall::DQ][index(AttentionCall::DQ, {b, r, h, d})] +=
            ds * *at(AttentionCall::K, {b, c, kv, d});
        sums[AttentionCall::DK][index(AttentionCall::DK, {b, c, kv, d})] +=
            ds * *at(AttentionCall::Q, {b, r, h, d});
      }
    }
  }

private:
  size_t index(size_t part, std::initializer_list<int64_t> indices) const {
    int64_t offset = 0;
    size_t dimension = 0;
    for (int64_t i : indices)
      offset += i * Memory::stride(call, part, dimension++);
    return size_t(offset);
  }
  float *at(size_t part, std::initializer_list<int64_t> indices) const {
    return &memory.tensors[part][index(part, indices)];
  }

  double probability(int64_t c, double lse) const {
    return lse == -INFINITY ? 0 : std::exp(scores[c] - lse);
  }

  void score(int64_t c) {
    int64_t middle = r + n.columns - n.rows;
    if (call.dropout)
      masks[c] = mask(uint32_t(((b * n.heads + h) * n.rows + r) * n.columns + c));
    if ((call.left && c < middle - *call.left) || (call.right && c > middle + *call.right))
      return;
    double s = 0;
    for (int64_t d = 0; d < n.size; ++d)
      s += double(*at(AttentionCall::Q, {b, r, h, d})) * *at(AttentionCall::K, {b, c, kv, d});
    s *= call.scale;
    if (call.softcap) {
      tanhs[c] = std::tanh(s / *call.softcap);
      s = *call.softcap * tanhs[c];
    }
    if (call.operands[AttentionCall::Bias])
      s += *at(AttentionCall::Bias, {b, h, r, c});
    scores[c] = s;
  }

  double mask(uint32_t place) const {
    auto mix = [](uint32_t x) {
      x ^= x >> 16, x *= 0x85ebca6bu, x ^= x >> 13, x *= 0xc2b2ae35u;
      return x ^ (x >> 16);
    };
    uint32_t hash = mix(mix(place + uint32_t(memory.key)) ^ uint32_t(memory.key >> 32));
    return hash >= std::round(*call.dropout * 0x1p32) ? float(1 / (1 - *call.dropout)) : 0;
  }

  const AttentionCall &call;
  Memory &memory;
  const attention::Sizes &n;
  int64_t b, h, r, kv;
  std::vector<double> scores, tanhs, masks;
};

/// Runs a call of either direction on the memory.
inline void compute(const AttentionCall &call, Memory &memory, bool gradient) {
  std::array<std::vector<double>, AttentionCall::names.size()> sums;
  if (gradient)
    for (size_t part = AttentionCall::DQ; part < sums.size(); ++part)
      sums[part].assign(memory.tensors[part].size(), 0);
  const attention::Sizes &n = call.sizes;
  for (int64_t b = 0; b < n.batch; ++b)
    for (int64_t h = 0; h < n.heads; ++h)
      for (int64_t r = 0; r < n.rows; ++r) {
        ReferenceRow row(call, memory, b, h, r);
        gradient ? row.gradient(sums) : row.forward();
      }
  if (!gradient)
    return;
  Memory old = memory;
  memory.spoil(call); // marks what is written
  for (size_t part = AttentionCall::DQ; part < sums.size(); ++part)
    for (size_t i = 0; i < sums[part].size(); ++i)
      if (part == AttentionCall::DBias)
        memory.tensors[part][i] = float(old.tensors[part][i] + sums[part][i]);
      else if (std::isnan(memory.tensors[part][i]))
        memory.tensors[part][i] = float(sums[part][i]);
}

} // namespace bitpipe

#endif // BITPIPE_TEST_UNIT_ATTENTION_REFERENCE_H
