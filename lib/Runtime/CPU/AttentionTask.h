//===- AttentionTask.h - One attention as its kernels take it ---------------===//

#ifndef BITPIPE_RUNTIME_CPU_ATTENTIONTASK_H
#define BITPIPE_RUNTIME_CPU_ATTENTIONTASK_H

#include "lib/Runtime/AttentionLayout.h"
#include "lib/Runtime/AttentionWorkspace.h"

namespace bitpipe::attention {

/// What is the same in every step; pipe.attention has the formulas.
struct Task : Layout {
  Sizes sizes;
  Workspace workspace;
  /// Scores are in units of log 2. With a softcap, q is scaled by `queryScale` to
  /// what tanh takes, and `scoreScale` is what tanh is multiplied by.
  float queryScale, scoreScale, scale;
  bool capped, biased, biasGradient, dropout;

  /// The column in the middle of the band of a row.
  int64_t middle(int64_t row) const { return row + sizes.columns - sizes.rows; }
};

/// The kernels for one kind of processor. An item is a part of the work that
/// writes what no other item writes; `places` has an address per AttentionCall::Part.
using Kernel = void (*)(const Task &, void *const *places, int64_t item, float *workspace);
struct Kernels {
  const char *name;
  struct Directions {
    Kernel forward, gradient;
  } f32, bf16; // by the elements of the operands
};

/// Those that this processor can run, the fastest first.
int kernelsOfProcessor(const Kernels *(&found)[3]);

/// Forwards: a block of rows of a head.
inline int64_t forwardItems(const Sizes &n) {
  return n.batch * n.heads * ((n.rows + forwardRows - 1) / forwardRows);
}

/// In the gradient: a head of k and v, over all batches and heads into whose sum
/// of one dbias it goes.
struct GradientItems {
  int64_t batches, kvHeads; // of an item
  int64_t batchItems, headItems;

  explicit GradientItems(const Task &task) {
    const Sizes &n = task.sizes;
    batches = task.biasGradient && task.dBias.batch == 0 ? n.batch : 1;
    kvHeads = task.biasGradient && task.dBias.head == 0 ? n.kvHeads : 1;
    batchItems = n.batch / batches;
    headItems = n.kvHeads / kvHeads;
  }
  int64_t count() const { return batchItems * headItems; }
};

} // namespace bitpipe::attention

#endif // BITPIPE_RUNTIME_CPU_ATTENTIONTASK_H
