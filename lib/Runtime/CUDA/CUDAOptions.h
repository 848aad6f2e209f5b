//===- CUDAOptions.h - How a plan for GPUs is run --------------------------------===//

#ifndef BITPIPE_RUNTIME_CUDA_CUDAOPTIONS_H
#define BITPIPE_RUNTIME_CUDA_CUDAOPTIONS_H

namespace bitpipe::printed {
struct Table;
}

namespace bitpipe {

struct CUDAOptions {
  bool graph = true;       // a step is one graph, where nothing is timed
  bool sharesGPUs = false; // several devices may be one GPU
  bool timesCalls = false; // at the end, each by itself
  const printed::Table *printed = nullptr; // runs instead of the plan's lists
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CUDA_CUDAOPTIONS_H
