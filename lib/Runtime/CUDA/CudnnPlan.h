//===- CudnnPlan.h - A graph of cuDNN, ready to run ---------------------------===//

#ifndef BITPIPE_RUNTIME_CUDA_CUDNNPLAN_H
#define BITPIPE_RUNTIME_CUDA_CUDNNPLAN_H

#include "lib/Runtime/CUDA/CudnnGraph.h"

namespace bitpipe {

/// For what a plan is: the GPU of a handle or, without one, a GPU that is described.
struct CudnnTarget {
  cudnn::Handle handle = nullptr;
  const CudnnDescriptor *device = nullptr; // of cudnn::DeviceProperties
};

/// An engine that gives the same bits each time. Throws a UserError if the library has none.
class CudnnPlan {
public:
  CudnnPlan(const CudnnGraph &graph, const CudnnTarget &target);

  int64_t workspaceBytes() const { return workspace; }
  operator cudnn::RawDescriptor() const { return *plan; }

private:
  std::optional<CudnnDescriptor> plan;
  int64_t workspace = 0;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CUDA_CUDNNPLAN_H
