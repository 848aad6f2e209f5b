//===- gpu-machine.h - A GPU that is a double, for tests of attention -----------===//

#ifndef BITPIPE_TEST_UNIT_GPU_MACHINE_H
#define BITPIPE_TEST_UNIT_GPU_MACHINE_H

#include "test/Unit/attention-cases.h"

#include "lib/Runtime/CUDA/OwnKernels.h"

#include <cstring>
#include <memory>
#include <span>

namespace bitpipe {

class GPUMachine {
public:
  GPUMachine() : gpu(0), kernels(gpu, emulated()), stream(gpu, CUDAStream::Low) {}

  /// Calls `attention` with a copy of what the call's operands hold and as many bytes of
  /// scratch memory, and takes back what they hold then.
  template <typename Run>
  void run(const AttentionCall &call, Memory &memory, int64_t scratchBytes, Run attention) {
    std::vector<cuda::Pointer> operands;
    BrainMemory seen(call, memory);
    for (size_t part = 0; part < memory.tensors.size(); ++part) {
      size_t bytes = part == AttentionCall::Key ? sizeof(memory.key) : seen.bytes(part);
      operands.push_back(bytes && call.operands[part] ? give(seen.places()[part], bytes) : 0);
    }
    DeviceMemory scratch(gpu, size_t(std::max<int64_t>(scratchBytes, 1)), "scratch");
    attention(operands, scratch.begin());
    for (size_t part = 0; part < memory.tensors.size(); ++part)
      if (operands[part] && part != AttentionCall::Key)
        take(seen.places()[part], seen.bytes(part), operands[part]);
    seen.widen();
    given.clear();
  }

  const GPU gpu;
  const OwnKernels kernels;
  const CUDAStream stream;

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

  std::vector<std::unique_ptr<DeviceMemory>> given;
};

} // namespace bitpipe

#endif // BITPIPE_TEST_UNIT_GPU_MACHINE_H
