//===- AttentionTrial.cpp - Whether cuDNN computes what our own kernels do ----===//

#include "lib/Runtime/CUDA/AttentionTrial.h"

#include "lib/Files/Floats.h"
#include "lib/Runtime/CUDA/GPUAttention.h"
#include "lib/Runtime/Error.h"
#include "lib/Runtime/Plan/CheckAttention.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <random>

using namespace bitpipe;
using Part = AttentionCall::Part;
using cuda::check;
using cuda::driver;

namespace {

constexpr unsigned char unwritten = 0xff; // NaNs, of bf16 and of f32

/// What a call's operands hold on the GPU.
class TrialMemory {
public:
  TrialMemory(const AttentionCall &call, const GPU &gpu, const CUDAStream &stream)
      : call(call), gpu(gpu), stream(stream) {}

  size_t bytes(Part part) const { return size_t(*attentionExtent(call, part).get()); }
  /// Numbers of bf16, or none.
  void add(Part part, std::mt19937 *random) {
    std::vector<char> content(bytes(part), char(unwritten));
    auto *values = reinterpret_cast<uint16_t *>(content.data());
    for (size_t i = 0; random && i < content.size() / sizeof(uint16_t); ++i)
      values[i] = toBrain(float(int32_t((*random)() >> 8) - (1 << 23)) * 0x1.8p-23f);
    place(part, content);
  }
  void place(Part part, const std::vector<char> &content) {
    if (!memory[part])
      memory[part] = std::make_unique<DeviceMemory>(gpu, content.size(), purpose);
    PinnedMemory pinned(content.size(), purpose);
    std::memcpy(pinned.data(), content.data(), content.size());
    check(driver().copyToDevice(memory[part]->begin(), pinned.data(), content.size(), stream),
          "copy numbers");
    stream.synchronize();
  }
  void clear(Part part) {
    check(driver().fillBytes(memory[part]->begin(), unwritten, bytes(part), stream), "fill");
  }
  std::vector<char> read(Part part) const {
    PinnedMemory pinned(bytes(part), purpose);
    check(driver().copyToHost(pinned.data(), memory[part]->begin(), bytes(part), stream),
          "copy numbers");
    stream.synchronize();
    return {pinned.data(), pinned.data() + bytes(part)};
  }
  std::array<cuda::Pointer, AttentionCall::names.size()> addresses() const {
    std::array<cuda::Pointer, AttentionCall::names.size()> all{};
    for (size_t i = 0; i < all.size(); ++i)
      all[i] = memory[i] ? memory[i]->begin() : 0;
    return all;
  }

private:
  static constexpr const char *purpose = "attentions that are tried";
  const AttentionCall &call;
  const GPU &gpu;
  const CUDAStream &stream;
  std::unique_ptr<DeviceMemory> memory[AttentionCall::names.size()];
};

/// Of a result, two buffers with the places of its elements.
struct Results {
  Part part;
  std::vector<int64_t> sizes, strides;
  bool brain;
  const std::vector<char> &got, &expected;

  float value(const std::vector<char> &content, int64_t place) const {
    return brain ? fromBrain(reinterpret_cast<const uint16_t *>(content.data())[place])
                 : reinterpret_cast<const float *>(content.data())[place];
  }
  /// Calls `at` with the place of each vector of the last dimension.
  template <typename At> void eachVector(At at) const {
    std::vector<int64_t> index(sizes.size() - 1);
    for (bool more = true; more;) {
      int64_t place = 0;
      for (size_t i = 0; i < index.size(); ++i)
        place += index[i] * strides[i];
      at(place);
      more = false;
      for (size_t i = index.size(); i-- > 0 && !more;)
        more = ++index[i] < sizes[i] || (index[i] = 0);
    }
  }
};

/// A vector may be as far off as results and probabilities that are rounded make it, of its
/// own size and of that of all.
constexpr double ofVector = 0x1p-6, ofAll = 0x1p-7;
constexpr double ofLogarithm = 1e-3;

std::string faultOf(const Results &r) {
  int64_t length = r.sizes.back();
  double squares = 0;
  int64_t count = 0;
  r.eachVector([&](int64_t place) {
    for (int64_t i = 0; i < length; ++i, ++count)
      squares += std::pow(r.value(r.expected, place + i), 2);
  });
  double typical = std::sqrt(squares / double(count)), worst = 0;
  r.eachVector([&](int64_t place) {
    double off = 0, size = 0;
    for (int64_t i = 0; i < length; ++i) {
      double expected = r.value(r.expected, place + i);
      off += std::pow(r.value(r.got, place + i) - expected, 2);
      size += expected * expected;
    }
    off = std::sqrt(off / double(length)), size = std::sqrt(size / double(length));
    double allowed = r.brain ? ofVector * size + ofAll * typical : ofLogarithm;
    double times = off / allowed;
    worst = std::isfinite(times) ? std::max(worst, times) : INFINITY;
  });
  if (worst <= 1)
    return "";
  return joined(AttentionCall::names[r.part], " is off by ", worst, " times what bf16 explains");
}

/// What lies between elements belongs to others.
std::string faultBetween(const Results &r) {
  size_t bytes = r.brain ? sizeof(uint16_t) : sizeof(float);
  std::vector<char> between = r.got;
  r.eachVector([&](int64_t place) {
    std::memset(between.data() + size_t(place) * bytes, unwritten, size_t(r.sizes.back()) * bytes);
  });
  if (std::ranges::all_of(between, [](char byte) { return byte == char(unwritten); }))
    return "";
  return joined(AttentionCall::names[r.part], " is written where it has no elements");
}

Results resultsOf(const AttentionCall &call, Part part, const std::vector<char> &got,
                  const std::vector<char> &expected) {
  std::vector<int64_t> strides = call.operands[part]->strides;
  return {part, call.sizesOf(part), strides, part != Part::Lse, got, expected};
}

class Trial {
public:
  Trial(const AttentionCall &call, const GPU &gpu, const OwnKernels &kernels,
        const CUDAStream &stream, CudnnAttention &attention)
      : call(call), kernels(kernels), attention(attention), stream(stream), memory(call, gpu, stream),
        scratch(gpu, size_t(std::max<int64_t>({attention.scratchBytes(), forward().scratchBytes(),
                                               GPUAttention(call, "").scratchBytes(), 1})),
                "attentions that are tried") {}

  std::string run() {
    std::mt19937 random(1);
    for (Part part : {Part::Q, Part::K, Part::V, Part::DOutput})
      if (call.operands[part])
        memory.add(part, &random);
    for (Part part : {Part::O, Part::Lse, Part::DQ, Part::DK, Part::DV})
      if (call.operands[part])
        memory.add(part, nullptr);
    if (call.gradient)
      forward().run(kernels, memory.addresses(), scratch.begin(), stream);
    std::vector<std::vector<char>> expected, first, second;
    compute(expected, [&](auto at) { GPUAttention(call, "").run(kernels, at, scratch.begin(), stream); });
    for (auto *results : {&first, &second})
      compute(*results, [&](auto at) { attention.run(at, scratch.begin(), stream); });
    return compare(expected, first, second);
  }

private:
  std::vector<Part> written() const {
    return call.gradient ? std::vector{Part::DQ, Part::DK, Part::DV} : std::vector{Part::O, Part::Lse};
  }

  /// What the gradient reads, by our own kernels.
  GPUAttention forward() const {
    AttentionCall own = call;
    own.gradient = false;
    return GPUAttention(own, "");
  }

  /// In memory that holds nothing before, scratch something else each time.
  template <typename Run> void compute(std::vector<std::vector<char>> &results, Run run) {
    check(driver().fillBytes(scratch.begin(), ++filled % 2 ? unwritten : 0, scratch.bytes(), stream),
          "fill scratch memory");
    for (Part part : written())
      memory.clear(part);
    run(memory.addresses());
    for (Part part : written())
      results.push_back(memory.read(part));
  }

  std::string compare(const std::vector<std::vector<char>> &expected,
                      const std::vector<std::vector<char>> &first,
                      const std::vector<std::vector<char>> &second) const {
    std::vector<Part> parts = written();
    for (size_t i = 0; i < parts.size(); ++i) {
      Results results = resultsOf(call, parts[i], first[i], expected[i]);
      if (std::string fault = faultOf(results); !fault.empty())
        return fault;
      if (std::string fault = faultBetween(results); !fault.empty())
        return fault;
      if (first[i] != second[i])
        return joined(AttentionCall::names[parts[i]], " has other bits in a second run");
    }
    return "";
  }

  const AttentionCall &call;
  const OwnKernels &kernels;
  CudnnAttention &attention;
  const CUDAStream &stream;
  TrialMemory memory;
  const DeviceMemory scratch;
  unsigned filled = 0;
};

} // namespace

std::string bitpipe::faultOfTrial(const AttentionCall &call, const GPU &gpu,
                                  const OwnKernels &kernels, const CUDAStream &stream,
                                  CudnnAttention &attention) {
  gpu.use();
  return Trial(call, gpu, kernels, stream, attention).run();
}
