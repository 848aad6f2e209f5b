//===- OwnKernels.h - The runtime's own kernels, loaded ------------------------===//

#ifndef BITPIPE_RUNTIME_CUDA_OWNKERNELS_H
#define BITPIPE_RUNTIME_CUDA_OWNKERNELS_H

#include "lib/Runtime/CUDA/Handles.h"
#include "lib/Runtime/CUDA/Kernels/Shared.h"
#include "lib/Runtime/Plan/Program.h"

#include <algorithm>

namespace bitpipe {

/// The kernels of Kernels/Kernels.cu for one GPU: a fat binary or PTX that is part of the
/// program, or for plans of arch "emulated" a shared object beside it.
class OwnKernels {
public:
  OwnKernels(const GPU &gpu, const Program &program);

  /// A thread for each of so many pieces of work, or as many as keep the GPU busy.
  template <typename Arguments>
  void launch(cuda::Function kernel, int64_t pieces, cuda::Stream stream,
              const Arguments &arguments) const {
    int64_t blocks = (pieces + gpu::blockThreads - 1) / gpu::blockThreads;
    bitpipe::launch(kernel, std::clamp<int64_t>(blocks, 1, mostBlocks), gpu::blockThreads, 0,
                    stream, &arguments, sizeof(arguments));
  }
  /// So many blocks whose threads meet at barriers.
  template <typename Arguments>
  void launchBlocks(cuda::Function kernel, int64_t blocks, cuda::Stream stream,
                    const Arguments &arguments, int64_t sharedOfThread = sizeof(double)) const {
    int64_t shared = gpu::blockThreads * sharedOfThread; // emulated ones use it
    bitpipe::launch(kernel, blocks, gpu::blockThreads, shared, stream, &arguments,
                    sizeof(arguments));
  }
  /// A thread for each piece, since none does a second one.
  template <typename Arguments>
  void launchAll(cuda::Function kernel, int64_t pieces, int64_t block, cuda::Stream stream,
                 const Arguments &arguments) const {
    bitpipe::launch(kernel, (pieces + block - 1) / block, block, 0, stream, &arguments,
                    sizeof(arguments));
  }

  /// Attention, and its gradients by q and by k and v.
  struct Attention {
    cuda::Function forward, query, column;
  };

private:
  const CUDAModule module;
  const int64_t mostBlocks;

public:
  const cuda::Function squares, contribute, judge, judgeBetween, adamw, sgd, clear, sum, round, start,
      columnSums, addPartials;
  /// By whether elements are bf16 and whether several threads share a row.
  const Attention attention[2][2];
  const cuda::Function attentionBias[2][2];
  /// On tensor cores, by whether scores are plain, for heads of up to 64 and of up to 128.
  const Attention tensorAttention[2][2];

private:
  Attention findAttention(const std::string &suffix) const;
  template <int32_t width> Attention findTensorAttention(const std::string &suffix) const;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CUDA_OWNKERNELS_H
