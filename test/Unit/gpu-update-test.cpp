//===- gpu-update-test.cpp - The optimizer's kernels beside the processor's -----===//
//
// The very bits, wherever the elements begin and end that do not decay.
//
//===----------------------------------------------------------------------===//

#include "lib/Runtime/CPU/Optimizer.h"
#include "lib/Runtime/CUDA/Kernels/Shared.h"
#include "lib/Runtime/CUDA/OwnKernels.h"
#include "lib/Runtime/Plan/Decay.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <random>

using namespace bitpipe;

namespace {

constexpr int64_t count = 64; // a multiple of what a thread steps

Program emulated() {
  Program program;
  program.arch = "emulated";
  return program;
}

/// Copies to a double of a GPU and back.
class Machine {
public:
  Machine() : gpu(0), kernels(gpu, emulated()), stream(gpu, CUDAStream::Low),
              all(gpu, bytes, "a test"), pinned(bytes, "a test") {}

  template <typename T> T *put(int64_t place, const T *data, size_t number) {
    std::memcpy(pinned.data(), data, number * sizeof(T));
    cuda::check(cuda::driver().copyToDevice(at(place), pinned.data(), number * sizeof(T), stream), "copy");
    stream.synchronize();
    return reinterpret_cast<T *>(at(place));
  }
  void take(int64_t place, float *data) {
    cuda::check(cuda::driver().copyToHost(pinned.data(), at(place), count * sizeof(float), stream), "copy");
    stream.synchronize();
    std::memcpy(data, pinned.data(), count * sizeof(float));
  }
  void launch(bool adamW, const gpu::Update &update) {
    kernels.launch(adamW ? kernels.adamw : kernels.sgd, count / 4, stream, update);
  }

private:
  static constexpr size_t place = 4096, bytes = 8 * place;
  cuda::Pointer at(int64_t number) { return all.begin() + cuda::Pointer(number) * place; }

  const GPU gpu;
  const OwnKernels kernels;
  const CUDAStream stream;
  const DeviceMemory all;
  const PinnedMemory pinned;
};

struct State {
  std::vector<float> weights, gradients, first, second;
};

State stateAtRandom(std::mt19937 &random) {
  auto values = [&](float least) {
    std::vector<float> list(count);
    for (float &value : list)
      value = std::uniform_real_distribution<float>(least, 1)(random);
    return list;
  };
  return {values(-1), values(-1), values(-1), values(0)};
}

/// Spans of one to five elements, some next to each other's end.
std::vector<Range> spansAtRandom(std::mt19937 &random) {
  std::vector<Range> spans;
  for (auto next = int64_t(random() % 4);;) {
    auto end = next + 1 + int64_t(random() % 5);
    if (end > count)
      return spans;
    spans.push_back({next, end});
    next = end + 1 + int64_t(random() % 6);
  }
}

void stepOnHost(bool adamW, const OptimizerSettings &settings, const std::vector<Range> &spans,
                Range stepped, State &state) {
  OptimizerSettings without = settings;
  without.weightDecay = 0;
  eachByDecay(spans, stepped, [&](Range part, bool decays) {
    const OptimizerSettings &its = decays ? settings : without;
    float *weights = &state.weights[part.begin], *gradients = &state.gradients[part.begin];
    if (adamW)
      stepAdamW(its, 1, 0.5f, part.count(), weights, gradients, &state.first[part.begin],
                &state.second[part.begin]);
    else
      stepSGD(its, 0.5f, part.count(), weights, gradients);
  });
}

/// As bitpipe_judge has them in the first step.
gpu::Verdict verdictOf(const OptimizerSettings &s, bool matrices) {
  gpu::Verdict verdict{};
  verdict.gradientScale = 0.5f;
  verdict.decay = float(1 - s.lr * s.weightDecay);
  verdict.share1 = float(1 - s.beta1), verdict.share2 = float(1 - s.beta2);
  verdict.stepSize = float(s.lr / (1 - s.beta1));
  verdict.rootCorrection = float(std::sqrt(1 - s.beta2)), verdict.eps = float(s.eps);
  verdict.rate = float(s.lr), verdict.weightDecay = float(s.weightDecay);
  verdict.matrices = matrices;
  return verdict;
}

bool check(Machine &machine, std::mt19937 &random, bool adamW, bool matrices) {
  OptimizerSettings settings{0.1, 0.3, 0.9, 0.99, 1e-8};
  State state = stateAtRandom(random);
  std::vector<Range> spans = spansAtRandom(random);
  Range stepped{int64_t(random() % 8) * 4, count - int64_t(random() % 8) * 4};
  gpu::Verdict verdict = verdictOf(settings, matrices);
  gpu::Update update{machine.put(0, state.weights.data(), count),
                     machine.put(1, state.gradients.data(), count),
                     machine.put(2, state.first.data(), count),
                     machine.put(3, state.second.data(), count),
                     nullptr,
                     machine.put(4, &verdict, 1),
                     stepped.begin,
                     stepped.end,
                     0,
                     stepped.begin,
                     stepped.end,
                     reinterpret_cast<gpu::Elements *>(machine.put(5, spans.data(), spans.size())),
                     int64_t(spans.size())};
  machine.launch(adamW, update);
  State got = state;
  machine.take(0, got.weights.data()), machine.take(1, got.gradients.data());
  machine.take(2, got.first.data()), machine.take(3, got.second.data());
  stepOnHost(adamW, settings, matrices ? spans : std::vector<Range>(), stepped, state);
  return got.weights == state.weights && got.gradients == state.gradients &&
         got.first == state.first && got.second == state.second;
}

} // namespace

int main() {
  Machine machine;
  std::mt19937 random(1);
  int failures = 0;
  for (int attempt = 0; attempt < 40; ++attempt)
    for (bool adamW : {true, false})
      for (bool matrices : {true, false})
        if (!check(machine, random, adamW, matrices)) {
          std::fprintf(stderr, "attempt %d: %s%s has other bits than on the processor\n", attempt,
                       adamW ? "AdamW" : "SGD", matrices ? " for matrices" : "");
          ++failures;
        }
  return failures != 0;
}
