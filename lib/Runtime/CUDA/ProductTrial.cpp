//===- ProductTrial.cpp - Whether cuBLASLt sums up what our own kernels do -----===//
//
// Before step 1 every product whose bias gradient is the library's runs on made-up numbers:
// integers whose sums are the same in any order, and too long for bf16.
//
//===----------------------------------------------------------------------===//

#include "lib/Runtime/CUDA/Products.h"

#include "lib/Runtime/Error.h"

#include <algorithm>
#include <cstring>
#include <random>

using namespace bitpipe;
using cuda::check;
using cuda::driver;

namespace {

constexpr const char *purpose = "products that are tried";
constexpr unsigned char unwritten = 0xff; // NaNs

/// Elements from a matrix's first to behind its last.
int64_t extentOf(const MatrixLayout &m) {
  return (m.rows - 1) * m.rowStride + (m.columns - 1) * m.columnStride + 1;
}

/// Fills memory with integers, the same again and again.
void fill(const DeviceMemory &memory, StoredFloat type, unsigned seed, const CUDAStream &stream) {
  constexpr size_t longest = 1 << 20;
  size_t piece = std::min(memory.bytes(), longest), size = sizeOf(type);
  int most = type == StoredFloat::BF16 ? 127 : 1023; // as many bits as TF32 holds
  PinnedMemory pinned(piece, purpose);
  std::mt19937 random(seed);
  for (size_t i = 0; i < piece / size; ++i) {
    auto number = int(random() % (2 * most + 1)) - most;
    float value = float(number * (1 << random() % 6));
    uint16_t brain = toBrain(value);
    std::memcpy(pinned.data() + i * size, type == StoredFloat::BF16 ? static_cast<void *>(&brain) : &value,
                size);
  }
  for (size_t at = 0; at < memory.bytes(); at += piece)
    check(driver().copyToDevice(memory.begin() + at, pinned.data(),
                                std::min(piece, memory.bytes() - at), stream),
          "copy numbers");
  stream.synchronize();
}

std::vector<float> read(const DeviceMemory &memory, const CUDAStream &stream) {
  PinnedMemory pinned(memory.bytes(), purpose);
  check(driver().copyToHost(pinned.data(), memory.begin(), memory.bytes(), stream), "copy numbers");
  stream.synchronize();
  auto *values = reinterpret_cast<const float *>(pinned.data());
  return {values, values + memory.bytes() / sizeof(float)};
}

} // namespace

std::string Products::faultOfTrial(const Entry &entry) const {
  gpu.use();
  auto [a, b, c] = matricesOf(entry.shape);
  Entry own = entry;
  own.gradientByLibrary = false;
  size_t operand = sizeOf(entry.shape.operands), result = sizeOf(entry.shape.result);
  const DeviceMemory first(gpu, extentOf(a) * operand, purpose), second(gpu, extentOf(b) * operand, purpose),
      third(gpu, extentOf(c) * result, purpose), target(gpu, entry.columns.columns * sizeof(float), purpose),
      scratchMemory(gpu, size_t(std::max(scratchOf(entry), scratchOf(own))), purpose),
      workspace(gpu, workspaceBytes, purpose);
  fill(first, entry.shape.operands, 1, stream);
  fill(second, entry.shape.operands, 2, stream);
  cuda::Pointer mine[] = {first.begin(), second.begin()};
  bool swapped = entry.shape.swapped;
  ProductPlaces places{mine[swapped], mine[!swapped], third.begin(), 0, third.begin(), target.begin()};
  ProductMemory memory{scratchMemory.begin(), workspace.begin()};
  std::vector<float> sums[2];
  for (const Entry *one : {&entry, static_cast<const Entry *>(&own)}) {
    check(driver().fillBytes(third.begin(), 0, third.bytes(), stream), "fill");
    check(driver().fillBytes(target.begin(), 0, target.bytes(), stream), "fill");
    check(driver().fillBytes(scratchMemory.begin(), unwritten, scratchMemory.bytes(), stream), "fill");
    if (one == &entry)
      run(*one, places, stream, memory);
    else
      finish(*one, places, stream, memory);
    sums[one == &own] = read(target, stream);
  }
  for (size_t i = 0; i < sums[0].size(); ++i)
    if (sums[0][i] != sums[1][i]) // or it is no number
      return joined("sum ", i, " is ", sums[0][i], ", expected ", sums[1][i]);
  return "";
}
