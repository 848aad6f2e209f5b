//===- CudnnAttention.h - One attention as cuDNN runs it ----------------------===//

#ifndef BITPIPE_RUNTIME_CUDA_CUDNNATTENTION_H
#define BITPIPE_RUNTIME_CUDA_CUDNNATTENTION_H

#include "lib/Runtime/CUDA/AttentionGraph.h"
#include "lib/Runtime/CUDA/CudnnPlan.h"

#include <array>
#include <map>
#include <span>

namespace bitpipe {

/// A handle of cuDNN for one GPU, which is one thread's.
class CudnnHandle {
public:
  /// Of the GPU whose context is the calling thread's. Throws a UserError if there is no
  /// cuDNN, or an old one.
  CudnnHandle() { cudnn::check(cudnn::library().create(&handle), "start"); }
  ~CudnnHandle() { cudnn::library().destroy(handle); }
  CudnnHandle(const CudnnHandle &) = delete;
  CudnnHandle &operator=(const CudnnHandle &) = delete;

  operator cudnn::Handle() const { return handle; }

private:
  cudnn::Handle handle = nullptr;
};

class CudnnAttention {
public:
  /// Of a call that is not outside of cuDNN. Throws a UserError if the library has no engine
  /// for it that gives the same bits each time. The handle outlives it.
  CudnnAttention(const AttentionCall &call, const CudnnHandle &handle);

  /// At a multiple of 256.
  int64_t scratchBytes() const;
  /// `operands` by AttentionCall::Part. What belongs to their addresses is made when they first
  /// come, and found from then on.
  void run(std::span<const cuda::Pointer> operands, cuda::Pointer scratch, cuda::Stream stream);

private:
  /// Of the operands that the graph has, and of scratch.
  using Addresses = std::array<cuda::Pointer, 12>;
  CudnnDescriptor pack(const Addresses &addresses) const;

  const CudnnHandle &handle;
  AttentionGraph graph;
  CudnnPlan plan;
  std::map<Addresses, CudnnDescriptor> packs;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CUDA_CUDNNATTENTION_H
