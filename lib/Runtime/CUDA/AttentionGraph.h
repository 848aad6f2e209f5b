//===- AttentionGraph.h - Attention as cuDNN recognises it --------------------===//

#ifndef BITPIPE_RUNTIME_CUDA_ATTENTIONGRAPH_H
#define BITPIPE_RUNTIME_CUDA_ATTENTIONGRAPH_H

#include "lib/Runtime/CUDA/CudnnGraph.h"
#include "lib/Runtime/Plan/Program.h"

namespace bitpipe {

/// Why cuDNN's graphs have no place for a call, as "f32" or "an additive bias"; empty if
/// they have. Whether there is an engine the library knows.
std::string outsideOfCudnn(const AttentionCall &call);

/// A call as operations of cuDNN. Forwards it saves what our own kernels save, the natural
/// logarithm of a row's sum of exponentials of scores times the scale; the gradient reads that. No gradient is
/// added up by several: its operations leave no choice but a matrix of scores in the workspace.
struct AttentionGraph {
  /// Of a call that is not outside.
  explicit AttentionGraph(const AttentionCall &call);

  CudnnGraph graph;
  /// Of graph.memory(), in its order: which operand it is; nothing for `rowSums`.
  std::vector<std::optional<AttentionCall::Part>> operands;
  /// Bytes of what the gradient keeps of each row, beside the workspace; 0 forwards.
  int64_t rowSums = 0;

private:
  using Tensor = CudnnGraph::Tensor;
  using Sizes = CudnnGraph::Sizes;

  void buildForward();
  void buildGradient();
  Tensor operand(AttentionCall::Part part, bool transposed = false);
  Tensor lse();
  Tensor scaled(Tensor scores);
  Tensor masked(Tensor scores);
  void sumHeads(Tensor left, Tensor right, AttentionCall::Part part, int64_t size);

  const AttentionCall &call; // while it is built
  Sizes scores, rows;        // [batch, heads, rows, columns or 1]
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CUDA_ATTENTIONGRAPH_H
