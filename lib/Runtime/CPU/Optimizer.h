//===- Optimizer.h - Steps over flat lists of parameters ------------------===//
//
// The formulas are PyTorch's. Each function makes one pass over memory, clears
// the gradients on the way, and gives the same bits on every run.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CPU_OPTIMIZER_H
#define BITPIPE_RUNTIME_CPU_OPTIMIZER_H

#include "lib/Runtime/Execute/StepInputs.h"

#include <span>

namespace bitpipe {

/// AdamW's step number `step`, counted from 1; gradients are multiplied by
/// `scale` first.
void stepAdamW(const OptimizerSettings &settings, int64_t step, float scale,
               int64_t count, float *weights, float *gradients, float *moment1,
               float *moment2);

/// Plain gradient descent with weight decay.
void stepSGD(const OptimizerSettings &settings, float scale, int64_t count,
             float *weights, float *gradients);

/// Rounds weights to bf16, to nearest with ties to even.
void roundWeights(const float *weights, uint16_t *working, int64_t count);

/// The sum of squares, in a fixed order.
double sumOfSquares(const float *values, int64_t count);

/// targets[...][i] = sum over sources, in their order, for begin <= i < end. Targets may
/// be sources.
void sumInto(std::span<float *const> targets, std::span<float *const> sources, int64_t begin,
             int64_t end);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CPU_OPTIMIZER_H
