//===- cudnn-attention-test.cpp - Graphs of attention against plain loops ---------===//
//
// What the graphs say, on the double of cuDNN, which computes every operation by itself:
// random sizes, strides, bands and heads, and logarithms of sums as our own kernels save
// them. And the trial that cuDNN has to pass, for a library that makes mistakes.
//
//===----------------------------------------------------------------------===//

#include "test/Unit/gpu-machine.h"

#include "lib/Runtime/CPU/Attention.h"
#include "lib/Runtime/CUDA/AttentionTrial.h"
#include "lib/Runtime/CUDA/CudnnAttention.h"

#include <cstdio>
#include <cstdlib>

using namespace bitpipe;

namespace {

class Machine : public GPUMachine {
public:
  void run(const AttentionCall &call, Memory &memory) {
    CudnnAttention attention(call, handle);
    GPUMachine::run(call, memory, attention.scratchBytes(), [&](auto &operands, auto scratch) {
      attention.run(operands, scratch, stream);
    });
  }
  std::string trial(const AttentionCall &call) {
    CudnnAttention attention(call, handle);
    return faultOfTrial(call, gpu, kernels, stream, attention);
  }

private:
  CudnnHandle handle;
};

/// Of those that cuDNN's graphs have a place for.
AttentionCall makePlain() {
  AttentionCall call = makeCall(CaseLimits{70, 128, true});
  call.element = StoredFloat::BF16;
  call.softcap.reset(), call.dropout.reset();
  call.scale = std::abs(call.scale); // as our own kernels for plain scores take it
  if (call.left || call.right)
    call.sizes.columns = call.sizes.rows;
  return call;
}

void setPlain(AttentionCall &call) {
  setOperands(call, -1, {});
  call.operands[Part::Lse]->strides = {call.sizes.heads * call.sizes.rows, call.sizes.rows};
}

bool compare(const AttentionCall &call, const Memory &got, const Memory &expected) {
  for (size_t part = 0; part < got.tensors.size(); ++part) {
    const std::vector<float> &a = got.tensors[part], &b = expected.tensors[part];
    auto i = findWrong(call, part, a, b, 0x1p-8);
    if (!i)
      continue;
    std::printf("%s of %s %s: element %zu is %.9g, expected %.9g\n", AttentionCall::names[part],
                call.name(), text(call.sizes).c_str(), *i, a[*i], b[*i]);
    return false;
  }
  return true;
}

bool runRound(Machine &machine, bool tries) {
  AttentionCall call = makePlain();
  for (bool gradient : {false, true}) {
    call.gradient = gradient;
    setPlain(call);
    if (std::string outside = outsideOfCudnn(call); !outside.empty())
      return std::printf("%s is outside of cuDNN\n", outside.c_str()), false;
    Memory memory = makeMemory(call, -1), expected = memory;
    compute(call, expected, gradient);
    memory.spoil(call);
    machine.run(call, memory);
    if (!compare(call, memory, expected))
      return false;
    if (!tries)
      continue;
    if (std::string fault = machine.trial(call); !fault.empty())
      return std::printf("%s %s: the trial says: %s\n", call.name(), text(call.sizes).c_str(),
                         fault.c_str()),
             false;
  }
  return true;
}

/// What a library does wrong the trial finds, and says what.
bool findsMistake(Machine &machine, const char *mistake, bool gradient, const char *expected) {
  AttentionCall call{};
  call.sizes = {2, 4, 2, 40, 40, 16, 16};
  call.scale = 0.25, call.right = 0, call.element = StoredFloat::BF16, call.gradient = gradient;
  auto set = [&](Part part, int64_t heads) {
    call.operands[part] = {{}, {40 * heads * 24, heads * 24, 24}}; // eight lie between two
  };
  for (Part part : {Part::Q, Part::O})
    set(part, 4);
  for (Part part : {Part::K, Part::V})
    set(part, 2);
  call.operands[Part::Lse] = {{}, {4 * 40, 40}};
  if (gradient) {
    set(Part::DOutput, 4), set(Part::DQ, 4), set(Part::DK, 2), set(Part::DV, 2);
  }
  setenv("BITPIPE_DOUBLES_CUDNN", mistake, 1);
  std::string fault = machine.trial(call);
  unsetenv("BITPIPE_DOUBLES_CUDNN");
  if (fault.find(expected) != std::string::npos && !(*expected == 0 && !fault.empty()))
    return true;
  std::printf("a library that makes the mistake '%s' in %s: the trial says '%s', expected '%s'\n",
              mistake, call.name(), fault.c_str(), expected);
  return false;
}

bool findsMistakes(Machine &machine) {
  return findsMistake(machine, "none", false, "") && findsMistake(machine, "none", true, "") &&
         findsMistake(machine, "scale", false, "o is off") &&
         findsMistake(machine, "scale", true, "dq is off") &&
         findsMistake(machine, "log2", false, "lse is off") &&
         findsMistake(machine, "between", false, "o is written where") &&
         findsMistake(machine, "between", true, "is written where") &&
         findsMistake(machine, "varies", true, "has other bits");
}

} // namespace

int main() {
  Machine &machine = *new Machine; // the process ends with it
  bool right = findsMistakes(machine);
  for (int round = 0; round < 40 && right; ++round)
    if (!(right = runRound(machine, round % 4 == 0)))
      std::printf("round %d\n", round);
  std::fflush(stdout);
  std::_Exit(right ? 0 : 1);
}
