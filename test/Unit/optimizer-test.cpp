//===- optimizer-test.cpp - Optimizer steps against double formulas --------===//

#include "lib/Runtime/CPU/Optimizer.h"

#include "lib/Files/Floats.h"
#include "lib/Runtime/Plan/Decay.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <random>
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

/// Parameters of one to six elements, matrices or not, some with nobody's elements between.
DeviceList parametersAtRandom(std::mt19937 &random, std::vector<bool> &decays) {
  DeviceList device;
  for (int i = 0; i < 12; ++i) {
    decays.resize(decays.size() + random() % 3); // false: asked of nobody
    bool isMatrix = random() % 2;
    int64_t elements = 1 + int64_t(random() % 6), begin = int64_t(decays.size());
    std::vector<int64_t> shape = {elements};
    if (isMatrix)
      shape.push_back(1);
    device.residents.push_back({"p", {ElementType::F32, shape}, 7, begin * 4, true, true, {}, {}});
    decays.insert(decays.end(), size_t(elements), isMatrix);
  }
  std::shuffle(device.residents.begin(), device.residents.end(), random);
  device.residents.push_back({"other", {ElementType::F32, {99}}, 8, 0, true, true, {}, {}});
  return device;
}

/// Whether each element of any part of a block is stepped once, as its parameter decays.
bool decaysRight() {
  std::mt19937 random(1);
  for (int attempt = 0; attempt < 200; ++attempt) {
    std::vector<bool> decays;
    DeviceList device = parametersAtRandom(random, decays);
    auto size = int64_t(decays.size());
    int64_t begin = int64_t(random()) % size, end = begin + int64_t(random()) % (size - begin + 1);
    std::vector<int> got(size_t(size), -1);
    int64_t next = begin;
    eachByDecay(undecayedIn(device, 7), {begin, end}, [&](Range part, bool decay) {
      next = part.begin == next && part.count() > 0 ? part.end : -1;
      std::fill(got.begin() + part.begin, got.begin() + part.end, decay);
    });
    bool good = next == end;
    for (const Resident &resident : device.residents)
      for (int64_t i = 0; resident.slot == 7 && i < resident.type.elements(); ++i) {
        int64_t at = resident.offset / 4 + i;
        good &= got[size_t(at)] == (at < begin || at >= end ? -1 : int(decays[size_t(at)]));
      }
    if (!good) {
      std::fprintf(stderr, "elements %ld to %ld of attempt %d are cut wrongly\n", long(begin),
                   long(end), attempt);
      return false;
    }
  }
  return true;
}

} // namespace

int main() {
  int failures = !roundsRight() + !decaysRight();
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
