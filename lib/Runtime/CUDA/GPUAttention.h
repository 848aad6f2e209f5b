//===- GPUAttention.h - One attention as the GPU's kernels take it -------------===//

#ifndef BITPIPE_RUNTIME_CUDA_GPUATTENTION_H
#define BITPIPE_RUNTIME_CUDA_GPUATTENTION_H

#include "lib/Runtime/CUDA/OwnKernels.h"

#include <span>

namespace bitpipe {

class GPUAttention {
public:
  /// `where` begins what is said of a call that the kernels cannot do.
  GPUAttention(const AttentionCall &call, const std::string &where);

  /// Whether products are of bf16, probabilities rounded between them.
  bool runsOnTensorCores() const { return tensor; }
  /// In the gradient, a number for each row.
  int64_t scratchBytes() const;
  /// `operands` by AttentionCall::Part; 0: there is none.
  void run(const OwnKernels &kernels, std::span<const cuda::Pointer> operands,
           cuda::Pointer scratch, cuda::Stream stream) const;

private:
  template <typename Element>
  void runByThreads(const OwnKernels &kernels, const gpu::Attention<Element> &a,
                    cuda::Stream stream) const;
  template <int32_t width>
  void runByTensorCores(const OwnKernels &kernels, const gpu::Attention<attention::Brain> &a,
                        cuda::Stream stream) const;
  template <typename Element>
  void addBiasGradient(const OwnKernels &kernels, const gpu::Attention<Element> &a,
                       cuda::Stream stream) const;

  bool gradient, brain;
  bool tensor, plain; // see TensorScores.inc
  gpu::AttentionShape shape;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CUDA_GPUATTENTION_H
