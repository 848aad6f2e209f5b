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

  /// Runs a call on a copy of what its operands hold; whether on tensor cores.
  bool run(const AttentionCall &call, Memory &memory) {
    GPUAttention attention(call, "test");
    std::vector<cuda::Pointer> operands;
    BrainMemory seen(call, memory);
    for (size_t part = 0; part < memory.tensors.size(); ++part) {
      size_t bytes = part == AttentionCall::Key ? sizeof(memory.key) : seen.bytes(part);
      operands.push_back(bytes && call.operands[part] ? give(seen.places()[part], bytes) : 0);
    }
    auto scratch = std::make_unique<DeviceMemory>(
        gpu, size_t(std::max<int64_t>(attention.scratchBytes(), 1)), "scratch");
    attention.run(kernels, operands, scratch->begin(), stream);
    for (size_t part = 0; part < memory.tensors.size(); ++part)
      if (operands[part] && part != AttentionCall::Key)
        take(seen.places()[part], seen.bytes(part), operands[part]);
    seen.widen();
    given.clear();
    return attention.runsOnTensorCores();
  }

private:
  static Program emulated() {
    Program program;
    program.arch = "emulated";
    return program;
  }
  cuda::Pointer give(const void *data, size_t bytes) {
    given.push_back(std::make_unique<DeviceMemory>(gpu, bytes, "an operand"));
    PinnedMemory pinned(bytes, "a test");
    std::memcpy(pinned.data(), data, bytes);
    cuda::check(cuda::driver().copyToDevice(given.back()->begin(), pinned.data(), bytes, stream), "copy");
    stream.synchronize();
    return given.back()->begin();
  }
  void take(void *data, size_t bytes, cuda::Pointer from) {
    PinnedMemory pinned(bytes, "a test");
    cuda::check(cuda::driver().copyToHost(pinned.data(), from, bytes, stream), "copy");
    stream.synchronize();
    std::memcpy(data, pinned.data(), bytes);
  }

  GPU gpu;
  OwnKernels kernels;
  CUDAStream stream;
  std::vector<std::unique_ptr<DeviceMemory>> given;
};

bool compare(const AttentionCall &call, bool onTensorCores, const Memory &got,
             const Memory &expected) {
  for (size_t part = 0; part < got.tensors.size(); ++part) {
    const std::vector<float> &a = got.tensors[part], &b = expected.tensors[part];
    // Tensor cores multiply probabilities that are rounded.
    auto i = findWrong(call, part, a, b, onTensorCores ? 0x1p-8 : 1e-5);
    if (!i)
      continue;
    const attention::Sizes &n = call.sizes;
    std::printf("%s of %s: element %zu is %.9g, expected %.9g: batch %ld, heads %ld of %ld, "
                "rows %ld, columns %ld, size %ld and %ld, %s%s\n",
                AttentionCall::names[part], call.name(), *i, a[*i], b[*i], long(n.batch),
                long(n.heads), long(n.kvHeads), long(n.rows), long(n.columns), long(n.size),
                long(n.valueSize), nameOf(call.element), onTensorCores ? ", tensor cores" : "");
    return false;
  }
  return true;
}

bool runRound(Machine &machine) {
  bool brain = pick(0, 2), wide = brain && pick(0, 1);
  // Wide ones with several tiles of rows and columns.
  AttentionCall call = makeCall(wide ? CaseLimits{140, 128, true} : CaseLimits{40, 140});
  call.element = brain ? StoredFloat::BF16 : StoredFloat::F32;
  bool plain = wide && pick(0, 1); // has kernels of its own
  if (plain)
    call.softcap.reset(), call.dropout.reset();
  int biasForm = plain ? -1 : int(pick(-8, 15)); // one bit per dimension that is repeated
  std::vector<int64_t> bias = biasStrides(call.sizes, std::max(biasForm, 0));
  for (bool gradient : {false, true}) {
    call.gradient = gradient;
    setOperands(call, biasForm, bias);
    Memory memory = makeMemory(call, biasForm), expected = memory;
    compute(call, expected, gradient);
    memory.spoil(call);
    bool onTensorCores = machine.run(call, memory);
    if (wide && !onTensorCores)
      return std::puts("wide rows of bf16, expected tensor cores"), false;
    if (!compare(call, onTensorCores, memory, expected))
      return false;
  }
  return true;
}

} // namespace

int main() {
  Machine &machine = *new Machine; // the process ends with it
  for (int round = 0; round < 60; ++round)
    if (!runRound(machine)) {
      std::printf("round %d\n", round);
      std::fflush(stdout);
      std::_Exit(1);
    }
  std::_Exit(0);
}
