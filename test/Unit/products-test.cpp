//===- products-test.cpp - Products by cuBLASLt and their bias gradients ---------===//
//
// On doubles of the libraries: random sizes, alignments and types, sums of either operand,
// by the library and by own kernels, beside plain loops.
//
//===----------------------------------------------------------------------===//

#include "lib/Runtime/CUDA/Products.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <random>

using namespace bitpipe;

namespace {

std::mt19937 generator(7);

int64_t pick(int64_t least, int64_t most) {
  return std::uniform_int_distribution<int64_t>(least, most)(generator);
}

/// Elements that lie anywhere in a block of their own, as f32 and as the device has them.
struct Vector {
  std::vector<float> values;
  StoredFloat type;
  int64_t offset; // bytes

  Vector(int64_t count, StoredFloat type) : values(count), type(type) {
    constexpr int64_t offsets[] = {0, 16, 8, 4};
    offset = offsets[pick(0, 3)];
    for (float &value : values)
      value = type == StoredFloat::BF16 ? fromBrain(toBrain(float(pick(-99, 99)) / 32))
                                        : float(pick(-9999, 9999)) / 4096;
  }
  int64_t bytes() const { return offset + int64_t(values.size()) * sizeOf(type); }
};

class Machine {
public:
  Machine()
      : gpu(0), kernels(gpu, emulated()), stream(gpu, CUDAStream::Low),
        workspace(gpu, Products::workspaceBytes, "a workspace") {}

  cuda::Pointer give(const Vector &vector) {
    auto bytes = size_t(vector.bytes());
    blocks.push_back(std::make_unique<DeviceMemory>(gpu, bytes, "an operand"));
    PinnedMemory pinned(bytes, "a test");
    char *at = pinned.data() + vector.offset;
    for (size_t i = 0; i < vector.values.size(); ++i)
      if (vector.type == StoredFloat::F32)
        reinterpret_cast<float *>(at)[i] = vector.values[i];
      else
        reinterpret_cast<uint16_t *>(at)[i] = toBrain(vector.values[i]);
    cuda::check(cuda::driver().copyToDevice(blocks.back()->begin(), pinned.data(), bytes, stream), "copy");
    stream.synchronize();
    return blocks.back()->begin() + cuda::Pointer(vector.offset);
  }

  void take(Vector &vector, cuda::Pointer from) {
    size_t bytes = vector.values.size() * sizeOf(vector.type);
    PinnedMemory pinned(bytes, "a test");
    cuda::check(cuda::driver().copyToHost(pinned.data(), from, bytes, stream), "copy");
    stream.synchronize();
    std::memcpy(vector.values.data(), pinned.data(), bytes);
  }

  const GPU gpu;
  const OwnKernels kernels;
  const CUDAStream stream;
  const DeviceMemory workspace;
  std::vector<std::unique_ptr<DeviceMemory>> blocks;

private:
  static Program emulated() {
    Program program;
    program.arch = "emulated";
    return program;
  }
};

/// c += x^T y, or its transpose, and what of it is summed.
struct Case {
  MatmulCall call{};
  int64_t m, n, k, paddedM, paddedN;
  bool ofA, transposed;

  Case(bool large) {
    m = pick(1, large ? 300 : 20), n = pick(1, large ? 300 : 20), k = pick(1, large ? 300 : 20);
    if (pick(0, 1)) // what can be read 16 bytes at once
      m = (m + 7) / 8 * 8, n = (n + 7) / 8 * 8;
    constexpr int64_t paddings[] = {0, 8, 1, 4};
    paddedM = m + paddings[pick(0, 3)], paddedN = n + paddings[pick(0, 3)];
    ofA = pick(0, 1), transposed = pick(0, 1);
    call.sizes = {m, n, k};
    call.aStrides = {1, paddedM}, call.bStrides = {paddedN, 1};
    call.cStrides = transposed ? std::vector<int64_t>{1, m} : std::vector<int64_t>{n, 1};
    call.alpha = pick(0, 1) ? 1 : 0.5;
    call.accumulate = pick(0, 1);
    call.operands = pick(0, 1) ? StoredFloat::BF16 : StoredFloat::F32;
    call.biasGradient = BlockPlace{4, 0};
    call.gradientOfA = ofA;
  }
};

bool close(const char *what, const Case &of, const std::vector<float> &got,
           const std::vector<double> &expected) {
  for (size_t i = 0; i < expected.size(); ++i) {
    double most = 1e-5 * (std::abs(expected[i]) + std::sqrt(double(of.k)));
    if (std::abs(got[i] - expected[i]) <= most)
      continue;
    std::printf("%s of %ldx%ldx%ld, %s, sums of %s, transposed %d: element %zu is %.9g, expected %.9g\n",
                what, long(of.m), long(of.n), long(of.k), nameOf(of.call.operands),
                of.ofA ? "a" : "b", of.transposed, i, got[i], expected[i]);
    return false;
  }
  return true;
}

/// Whether the numbers are right; counts the gradients that are the library's, and those that
/// it has wrong.
bool check(Machine &machine, Case &of, EpilogueChoice choice, int &byLibrary, size_t &wrong) {
  Vector a(of.paddedM * of.k, of.call.operands), b(of.paddedN * of.k, of.call.operands);
  Vector c(of.m * of.n, StoredFloat::F32), gradient(of.ofA ? of.m : of.n, StoredFloat::F32);
  std::vector<double> product(c.values.size()), sums(gradient.values.begin(), gradient.values.end());
  for (int64_t i = 0; i < of.m; ++i)
    for (int64_t j = 0; j < of.n; ++j) {
      double sum = 0;
      for (int64_t l = 0; l < of.k; ++l)
        sum += double(a.values[l * of.paddedM + i]) * b.values[l * of.paddedN + j];
      int64_t at = of.transposed ? j * of.m + i : i * of.n + j;
      product[at] = of.call.alpha * sum + (of.call.accumulate ? c.values[at] : 0);
    }
  for (size_t i = 0; i < sums.size(); ++i)
    for (int64_t l = 0; l < of.k; ++l)
      sums[i] += of.ofA ? a.values[l * of.paddedM + int64_t(i)] : b.values[l * of.paddedN + int64_t(i)];

  of.call.a = {0, a.offset}, of.call.b = {1, b.offset}, of.call.c = {2, c.offset};
  Products products(machine.gpu, machine.kernels, machine.stream, choice);
  size_t number = products.add(of.call, "test");
  byLibrary += products.gradientByLibrary(number);
  wrong += products.remarks().size();
  DeviceMemory scratch(machine.gpu, size_t(products.scratchBytes()), "scratch");
  cuda::Pointer cPlace = machine.give(c), gradientPlace = machine.give(gradient);
  products.run(number, {machine.give(a), machine.give(b), cPlace, 0, 0, gradientPlace},
               machine.stream, {scratch.begin(), machine.workspace.begin()});
  machine.take(c, cPlace);
  machine.take(gradient, gradientPlace);
  machine.blocks.clear();
  return close("a product", of, c.values, product) && close("a bias gradient", of, gradient.values, sums);
}

} // namespace

int main(int argc, char **argv) {
  // "none": the library makes no gradients; "wrong": others.
  std::string expected = argc < 2 ? "right" : argv[1];
  Machine machine;
  int byLibrary = 0, possible = 0;
  size_t wrong = 0;
  for (int round = 0; round < 120; ++round) {
    Case of(round % 6 == 0);
    if (!check(machine, of, EpilogueChoice::Auto, byLibrary, wrong))
      return 1;
    possible += of.m > 1 && of.n > 1 && of.k > 1;
    int none = 0;
    size_t noneWrong = 0;
    if (!check(machine, of, EpilogueChoice::Own, none, noneWrong) || none || noneWrong)
      return std::printf("round %d: own kernels\n", round), 1;
  }
  std::printf("of %d bias gradients %d are the library's, which has %zu wrong\n", possible, byLibrary, wrong);
  if (expected == "right")
    return byLibrary < possible || wrong;
  if (expected == "wrong") // numbers are right all the same
    return wrong < size_t(possible);
  return byLibrary > 0 || wrong > 0;
}
