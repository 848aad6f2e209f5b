//===- AttentionLayout.h - What all kernels of attention are told ----------===//
//
// Plain structures that hosts and GPUs compile.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_ATTENTIONLAYOUT_H
#define BITPIPE_RUNTIME_ATTENTIONLAYOUT_H

#ifndef __CUDA__
#include <cstdint>
#else
#include "lib/Runtime/CUDA/Kernels/GPU.h"
#endif

namespace bitpipe::attention {

/// In elements. The last dimension is contiguous; 0 repeats a dimension.
struct HeadStrides {
  int64_t batch, sequence, head;
};
struct ScoreStrides {
  int64_t batch, head, row, column;
};

/// Of one call, what is the same in every step and for every processor.
struct Layout {
  HeadStrides q, k, v, o, dOutput, dq, dk, dv;
  int64_t lseBatch, lseHead;
  ScoreStrides bias, dBias;
  int64_t left, right; // at most rows + columns
  uint32_t dropBelow;  // hashes below it are dropped
  float kept;          // factor of what is kept
};

/// An element of bf16.
struct Brain {
  uint16_t bits;
};

/// Where the operands of a call lie; null where it has none. Those of scores are of f32
/// whatever the elements of the others are.
struct ScoreOperands {
  const float *bias;
  const uint64_t *key;
  float *lse, *dBias;
};
template <typename Element> struct Operands : ScoreOperands {
  const Element *q, *k, *v;
  Element *o;
  const Element *dOutput;
  Element *dq, *dk, *dv;
};

} // namespace bitpipe::attention

#endif // BITPIPE_RUNTIME_ATTENTIONLAYOUT_H
