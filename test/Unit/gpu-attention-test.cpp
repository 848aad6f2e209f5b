//===- gpu-attention-test.cpp - The GPU's attention against plain loops ----------===//
//
// The kernels for this host, on the double of the driver: random sizes, strides, bands,
// heads, biases, softcaps and dropouts, and heads that several threads share.
//
//===----------------------------------------------------------------------===//

#include "test/Unit/attention-cases.h"

#include "lib/Runtime/CUDA/GPUAttention.h"

#include <cstdio>
#include <cstring>
#include <memory>

using namespace bitpipe;

namespace {

class Machine {
public:
  Machine() : gpu(0), kernels(gpu, emulated()), stream(gpu, CUDAStream::Low) {}

  /// Runs a call on a copy of what its operands hold.
  void run(const AttentionCall &call, Memory &memory) {
    GPUAttention attention(call, "test");
    std::vector<cuda::Pointer> operands;
    for (size_t part = 0; part < memory.tensors.size(); ++part) {
      bool isKey = part == AttentionCall::Key;
      const void *data = isKey ? static_cast<const void *>(&memory.key) : memory.tensors[part].data();
      size_t bytes = isKey ? sizeof(memory.key) : memory.tensors[part].size() * sizeof(float);
      operands.push_back(bytes && call.operands[part] ? give(data, bytes) : 0);
    }
    auto scratch = std::make_unique<DeviceMemory>(
        gpu, size_t(std::max<int64_t>(attention.scratchBytes(), 1)), "scratch");
    attention.run(kernels, operands, scratch->begin(), stream);
    for (size_t part = 0; part < memory.tensors.size(); ++part)
      if (operands[part] && part != AttentionCall::Key)
        take(memory.tensors[part], operands[part]);
    given.clear();
  }

private:
  static Program emulated() {
    Program program;
    program.arch = "emulated";
    return program;
  }
  cuda::Pointer give(const void *data, size_t bytes) {
    given.push_back(std::make_unique<DeviceMemory>(gpu, bytes, "an operand"));
    PinnedMemory pinned(bytes);
    std::memcpy(pinned.data(), data, bytes);
    cuda::check(cuda::driver().copyToDevice(given.back()->begin(), pinned.data(), bytes, stream), "copy");
    stream.synchronize();
    return given.back()->begin();
  }
  void take(std::vector<float> &values, cuda::Pointer from) {
    PinnedMemory pinned(values.size() * sizeof(float));
    cuda::check(cuda::driver().copyToHost(pinned.data(), from, values.size() * sizeof(float), stream),
                "copy");
    stream.synchronize();
    std::memcpy(values.data(), pinned.data(), values.size() * sizeof(float));
  }

  GPU gpu;
  OwnKernels kernels;
  CUDAStream stream;
  std::vector<std::unique_ptr<DeviceMemory>> given;
};

bool compare(const AttentionCall &call, const Memory &got, const Memory &expected) {
  for (size_t part = 0; part < got.tensors.size(); ++part) {
    const std::vector<float> &a = got.tensors[part], &b = expected.tensors[part];
    double most = 1;
    for (float value : b)
      most = std::isfinite(value) ? std::max(most, std::abs(double(value))) : most;
    for (size_t i = 0; i < a.size(); ++i)
      if (std::memcmp(&a[i], &b[i], 4) && !(std::abs(a[i] - b[i]) <= 1e-5 * most)) {
        const attention::Sizes &n = call.sizes;
        std::printf("%s of %s: element %zu is %.9g, expected %.9g: batch %ld, heads %ld of %ld, "
                    "rows %ld, columns %ld, size %ld and %ld\n",
                    AttentionCall::names[part], call.name(), i, a[i], b[i], long(n.batch),
                    long(n.heads), long(n.kvHeads), long(n.rows), long(n.columns), long(n.size),
                    long(n.valueSize));
        return false;
      }
  }
  return true;
}

bool runRound(Machine &machine) {
  AttentionCall call = makeCall({40, 140});
  int biasForm = int(pick(-8, 15)); // one bit per dimension that is repeated
  std::vector<int64_t> bias = biasStrides(call.sizes, std::max(biasForm, 0));
  for (bool gradient : {false, true}) {
    call.gradient = gradient;
    setOperands(call, biasForm, bias);
    Memory memory = makeMemory(call, biasForm), expected = memory;
    compute(call, expected, gradient);
    memory.spoil(call);
    machine.run(call, memory);
    if (!compare(call, memory, expected))
      return false;
  }
  return true;
}

} // namespace

int main() {
  Machine &machine = *new Machine; // the process ends with it
  for (int round = 0; round < 30; ++round)
    if (!runRound(machine)) {
      std::printf("round %d\n", round);
      std::fflush(stdout);
      std::_Exit(1);
    }
  std::_Exit(0);
}
