//===- CUDAOptions.h - How a plan for GPUs is run --------------------------------===//

#ifndef BITPIPE_RUNTIME_CUDA_CUDAOPTIONS_H
#define BITPIPE_RUNTIME_CUDA_CUDAOPTIONS_H

namespace bitpipe::printed {
struct Table;
}

namespace bitpipe {

/// What computes attentions. Auto: cuDNN, where it is there and can, else own kernels.
enum class AttentionChoice { Auto, Cudnn, Own };

/// What adds up bias gradients beside a product. Auto: cuBLASLt, where it has an algorithm, else
/// own kernels.
enum class EpilogueChoice { Auto, Own };

/// What computes what libraries can.
struct LibraryChoices {
  AttentionChoice attention = AttentionChoice::Auto;
  EpilogueChoice epilogues = EpilogueChoice::Auto;

  bool operator==(const LibraryChoices &) const = default;
};

struct CUDAOptions {
  bool graph = true;       // a step is one graph, where nothing is timed
  bool sharesGPUs = false; // several devices may be one GPU
  bool timesCalls = false; // at the end, each by itself
  LibraryChoices libraries;
  const printed::Table *printed = nullptr; // runs instead of the plan's lists
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CUDA_CUDAOPTIONS_H
