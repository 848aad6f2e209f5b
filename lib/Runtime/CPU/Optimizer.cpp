//===- Optimizer.cpp - Steps over flat lists of parameters ----------------===//

#include "lib/Runtime/CPU/Optimizer.h"

#include "lib/Files/Floats.h"
#include "lib/Runtime/CPU/Vectorised.h"

#include <algorithm>
#include <cmath>

// Results are the same whatever vectors the machine has: no loop below reorders a
// sum, and fused multiply-adds are off in this file.
namespace bitpipe {

VECTORISED
static void adamW(int64_t count, float *__restrict weights,
                  float *__restrict gradients, float *__restrict moment1,
                  float *__restrict moment2, float scale, float decay,
                  float share1, float share2, float stepSize,
                  float rootCorrection, float eps) {
  for (int64_t i = 0; i < count; ++i) {
    float g = gradients[i] * scale;
    float m = moment1[i] + (g - moment1[i]) * share1;
    float v = moment2[i] + (g * g - moment2[i]) * share2;
    weights[i] = weights[i] * decay -
                 stepSize * m / (std::sqrt(v) / rootCorrection + eps);
    moment1[i] = m;
    moment2[i] = v;
    gradients[i] = 0;
  }
}

// What is derived from the settings is computed in double and rounded once: of a
// beta near 1 a float keeps next to nothing of 1 - beta.
void stepAdamW(const OptimizerSettings &settings, int64_t step, float scale,
               int64_t count, float *weights, float *gradients, float *moment1,
               float *moment2) {
  double correction1 = 1 - std::pow(settings.beta1, step);
  double correction2 = 1 - std::pow(settings.beta2, step);
  adamW(count, weights, gradients, moment1, moment2, scale,
        1 - settings.lr * settings.weightDecay, 1 - settings.beta1, 1 - settings.beta2,
        settings.lr / correction1, std::sqrt(correction2), settings.eps);
}

VECTORISED
static void gradientDescent(int64_t count, float *__restrict weights,
                            float *__restrict gradients, float scale,
                            float rate, float decay) {
  for (int64_t i = 0; i < count; ++i) {
    weights[i] -= rate * (gradients[i] * scale + decay * weights[i]);
    gradients[i] = 0;
  }
}

void stepSGD(const OptimizerSettings &settings, float scale, int64_t count,
             float *weights, float *gradients) {
  gradientDescent(count, weights, gradients, scale, settings.lr,
                  settings.weightDecay);
}

VECTORISED
void roundWeights(const float *__restrict weights, uint16_t *__restrict working,
                  int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    working[i] = toBrain(weights[i]);
}

VECTORISED double sumOfSquares(const float *values, int64_t count) {
  constexpr int64_t lanes = 16; // a fixed number of partial sums
  double sums[lanes] = {};
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes)
    for (int64_t lane = 0; lane < lanes; ++lane) {
      double value = values[i + lane];
      sums[lane] += value * value;
    }
  double total = 0;
  for (double sum : sums)
    total += sum;
  for (; i < count; ++i)
    total += double(values[i]) * values[i];
  return total;
}

VECTORISED
static void addTo(float *__restrict sum, const float *__restrict values,
                  int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    sum[i] += values[i];
}

void sumInto(std::span<float *const> targets, std::span<float *const> sources, int64_t begin,
             int64_t end) {
  // In pieces that stay in the first-level cache while they are summed.
  constexpr int64_t piece = 2048;
  float sum[piece];
  for (; begin < end; begin += piece) {
    int64_t count = std::min(piece, end - begin);
    std::copy_n(sources[0] + begin, count, sum);
    for (float *source : sources.subspan(1))
      addTo(sum, source + begin, count);
    for (float *target : targets)
      std::copy_n(sum, count, target + begin);
  }
}

} // namespace bitpipe
