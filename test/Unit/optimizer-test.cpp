//===- optimizer-test.cpp - Optimizer steps against double formulas --------===//

#include "lib/Runtime/CPU/Optimizer.h"

#include "lib/Files/Floats.h"

#include <bit>
#include <cmath>
#include <cstdio>
#include <vector>

using namespace bitpipe;

namespace {

constexpr int count = 37; // no multiple of a vector

/// A gradient of its own for every step and element, of both signs.
double gradient(int step, int i) { return std::sin(3.0 * step + 0.7 * i + 0.1) * (1 + i); }

/// PyTorch's AdamW in double.
struct Reference {
  std::vector<double> weights, first = std::vector<double>(count), second = first;

  void step(const OptimizerSettings &s, int t) {
    for (int i = 0; i < count; ++i) {
      double g = gradient(t, i);
      first[i] = s.beta1 * first[i] + (1 - s.beta1) * g;
      second[i] = s.beta2 * second[i] + (1 - s.beta2) * g * g;
      double mean = first[i] / (1 - std::pow(s.beta1, t));
      double deviation = std::sqrt(second[i] / (1 - std::pow(s.beta2, t)));
      weights[i] -= s.lr * s.weightDecay * weights[i] + s.lr * mean / (deviation + s.eps);
    }
  }
};

/// The largest difference from the reference, relative to the weight.
double worstOf(const OptimizerSettings &settings, int steps) {
  std::vector<float> weights(count), gradients(count), first(count), second(count);
  Reference reference;
  for (int i = 0; i < count; ++i)
    weights[i] = i % 2 ? 0.25f * i : 0; // what starts at zero shows the steps alone
  reference.weights.assign(weights.begin(), weights.end());
  double worst = 0;
  for (int t = 1; t <= steps; ++t) {
    for (int i = 0; i < count; ++i)
      gradients[i] = float(2 * gradient(t, i));
    stepAdamW(settings, t, 0.5f, count, weights.data(), gradients.data(), first.data(),
              second.data());
    reference.step(settings, t);
    for (int i = 0; i < count; ++i) {
      double want = reference.weights[i], size = std::max(std::abs(want), settings.lr);
      worst = std::max(worst, std::abs(weights[i] - want) / size);
      if (gradients[i] != 0)
        worst = INFINITY;
    }
  }
  return worst;
}

/// Whether weights are rounded as everywhere, whatever the place in a vector.
bool roundsRight() {
  std::vector<float> weights(count);
  std::vector<uint16_t> working(count);
  for (int i = 0; i < count; ++i)
    weights[i] = std::bit_cast<float>(0x3f800000u + 0x4000u * i); // ties among them
  weights[3] = NAN, weights[4] = INFINITY, weights[5] = -1e-40f, weights[6] = 3.4e38f;
  roundWeights(weights.data(), working.data(), count);
  for (int i = 0; i < count; ++i)
    if (working[i] != toBrain(weights[i])) {
      std::fprintf(stderr, "%g is rounded to %x, expected %x\n", weights[i], working[i],
                   toBrain(weights[i]));
      return false;
    }
  return working[1] == 0x3f80 && working[2] == 0x3f80 && working[6] == 0x7f80;
}

} // namespace

int main() {
  int failures = roundsRight() ? 0 : 1;
  for (double beta1 : {0.0, 0.9, 0.9999, 0.999999})
    for (double beta2 : {0.9, 0.999, 0.9999, 0.99999, 0.999999, 1 - 1e-8})
      for (double decay : {0.0, 0.1}) {
        OptimizerSettings settings{1e-3, decay, beta1, beta2, 1e-8};
        double worst = worstOf(settings, 8);
        if (worst <= 1e-6)
          continue;
        std::fprintf(stderr, "AdamW with beta1 %.9g, beta2 %.9g, decay %g: off by %g, "
                             "expected at most 1e-6\n", beta1, beta2, decay, worst);
        ++failures;
      }
  return failures != 0;
}
