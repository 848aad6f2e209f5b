//===- AttentionWorkspace.h - The memory that attention works in -----------===//
//
// Compiler and runtime agree on it: a plan gives every attention a place for the
// blocks that it works on. Standard library only.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_ATTENTIONWORKSPACE_H
#define BITPIPE_RUNTIME_ATTENTIONWORKSPACE_H

#include <algorithm>
#include <cstdint>

namespace bitpipe::attention {

/// q is [batch, rows, heads, size], k [batch, columns, kvHeads, size] and v
/// [batch, columns, kvHeads, valueSize].
struct Sizes {
  int64_t batch, heads, kvHeads, rows, columns, size, valueSize;

  /// Query heads that read one head of k and v.
  int64_t group() const { return heads / kvHeads; }
};

/// The largest heads that a GPU's own kernels take.
inline constexpr int64_t mostSizeOnGPU = 256;

/// So many rows of scores are worked on side by side, one per lane of a vector.
inline constexpr int64_t lanes = 16;
/// Columns of a block of scores. Every kernel's tile divides it.
inline constexpr int64_t blockColumns = 96;
/// Rows of a block, forwards and in the gradient.
inline constexpr int64_t forwardRows = 128, gradientRows = 64;

constexpr int64_t padded(int64_t n) { return (n + lanes - 1) / lanes * lanes; }

/// Where in a workspace everything begins, in floats. What only the other
/// direction has is empty.
struct Workspace {
  int64_t k, v, queries, outputs, scores, gradients, tanhs, bias;
  int64_t queryRows, outputRows, queryGradients, keyGradients, valueGradients;
  int64_t floats;

  int64_t bytes() const { return floats * int64_t(sizeof(float)); }
};

/// Of the forward direction or of the gradient.
constexpr Workspace workspaceOf(const Sizes &n, bool gradient) {
  Workspace w{};
  auto take = [&](int64_t &begin, int64_t floats) {
    begin = w.floats;
    w.floats += padded(floats); // every piece begins at 64 bytes
  };
  int64_t rows = std::min(padded(n.rows), gradient ? gradientRows : forwardRows);
  int64_t block = std::min(n.columns, blockColumns);
  int64_t keys = gradient ? n.columns : block; // packed at once
  take(w.k, keys * n.size);
  take(w.v, keys * n.valueSize);
  take(w.queries, rows * n.size);
  take(w.outputs, rows * n.valueSize);
  take(w.scores, gradient ? rows * block : lanes * block);
  take(w.tanhs, lanes * block);
  take(w.bias, lanes * block);
  if (!gradient)
    return w;
  take(w.gradients, rows * block);
  take(w.queryRows, rows * padded(n.size));
  take(w.outputRows, rows * padded(n.valueSize));
  take(w.queryGradients, rows * n.size);
  take(w.keyGradients, n.columns * padded(n.size));
  take(w.valueGradients, n.columns * padded(n.valueSize));
  return w;
}

} // namespace bitpipe::attention

#endif // BITPIPE_RUNTIME_ATTENTIONWORKSPACE_H
