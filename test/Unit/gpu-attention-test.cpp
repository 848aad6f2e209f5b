//===- gpu-attention-test.cpp - The GPU's attention against plain loops ----------===//
//
// The kernels for this host, on the double of the driver: random sizes, strides, bands,
// heads, biases, softcaps and dropouts, and heads that several threads share.
//
//===----------------------------------------------------------------------===//

#include "test/Unit/gpu-machine.h"

#include "lib/Runtime/CUDA/GPUAttention.h"

#include <cstdio>

using namespace bitpipe;

namespace {

/// Runs a call on a copy of what its operands hold; whether on tensor cores.
bool run(GPUMachine &machine, const AttentionCall &call, Memory &memory) {
  GPUAttention attention(call, "test");
  machine.run(call, memory, attention.scratchBytes(), [&](auto &operands, auto scratch) {
    attention.run(machine.kernels, operands, scratch, machine.stream);
  });
  return attention.runsOnTensorCores();
}

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

bool runRound(GPUMachine &machine) {
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
    bool onTensorCores = run(machine, call, memory);
    if (wide && !onTensorCores)
      return std::puts("wide rows of bf16, expected tensor cores"), false;
    if (!compare(call, onTensorCores, memory, expected))
      return false;
  }
  return true;
}

} // namespace

int main() {
  GPUMachine &machine = *new GPUMachine; // the process ends with it
  for (int round = 0; round < 60; ++round)
    if (!runRound(machine)) {
      std::printf("round %d\n", round);
      std::fflush(stdout);
      std::_Exit(1);
    }
  std::_Exit(0);
}
