//===- attention_bench.cpp - The rate of attention beside oneDNN's ----------===//
//
// Attention in one piece, forwards and its gradient, causal and full, on one thread,
// with q, k and v as a fused projection leaves them. Operations are those of the
// scores that take part: 2 products forwards, 5 in the gradient. Beside them the rate
// at which oneDNN computes the products of a whole matrix of scores: q k^T and p v
// forwards, with p^T do, do v^T, ds k and ds^T q in the gradient. Medians of rounds,
// in which the contestants take turns, by the thread's own time on a processor.
//
//   OMP_NUM_THREADS=1 attention-bench HEADS SIZE SECONDS
//
//===----------------------------------------------------------------------===//

#include "lib/Runtime/CPU/Attention.h"
#include "lib/Runtime/CPU/Matmul.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <memory>

using namespace bitpipe;

namespace {

struct Work {
  int64_t heads, sequence, size;
};

/// Floats at a multiple of 64 bytes.
class Buffer {
public:
  explicit Buffer(int64_t floats) {
    begin = static_cast<float *>(std::aligned_alloc(64, (floats * 4 + 63) / 64 * 64));
    for (int64_t i = 0; i < floats; ++i)
      begin[i] = float(i * 7919 % 1000) / 1000 - 0.5f;
  }
  Buffer(const Buffer &) = delete;
  ~Buffer() { std::free(begin); }
  float *begin;
};

/// One call with its operands.
class Attention {
public:
  Attention(const Work &w, bool causal, bool gradient)
      : fused(3 * elements(w)), fusedGradient(3 * elements(w)), o(elements(w)),
        dOutput(elements(w)), lse(w.heads * w.sequence) {
    AttentionCall call{};
    call.gradient = gradient;
    call.sizes = {1, w.heads, w.heads, w.sequence, w.sequence, w.size, w.size};
    call.scale = 0.125;
    if (causal)
      call.right = 0;
    int64_t hidden = w.heads * w.size;
    auto set = [&](AttentionCall::Part part, float *begin, int64_t row) {
      call.operands[part] = {{}, {w.sequence * row, row, w.size}};
      places[part] = begin;
    };
    set(AttentionCall::Q, fused.begin, 3 * hidden);
    set(AttentionCall::K, fused.begin + hidden, 3 * hidden);
    set(AttentionCall::V, fused.begin + 2 * hidden, 3 * hidden);
    set(AttentionCall::O, o.begin, hidden);
    set(AttentionCall::DOutput, dOutput.begin, hidden);
    set(AttentionCall::DQ, fusedGradient.begin, 3 * hidden);
    set(AttentionCall::DK, fusedGradient.begin + hidden, 3 * hidden);
    set(AttentionCall::DV, fusedGradient.begin + 2 * hidden, 3 * hidden);
    call.operands[AttentionCall::Lse] = {{}, {w.heads * w.sequence, w.sequence}};
    places[AttentionCall::Lse] = lse.begin;
    library.add(call);
    workspace = std::make_unique<Buffer>(library.workspaceBytes(0) / 4);
    double band = causal ? (w.sequence + 1) / 2.0 : double(w.sequence);
    flop = (gradient ? 5 : 2) * 2.0 * w.heads * w.sequence * band * w.size;
  }

  double run() {
    library.run(0, 0, library.items(0), places, workspace->begin);
    return flop;
  }

private:
  static int64_t elements(const Work &w) { return w.heads * w.sequence * w.size; }

  Buffer fused, fusedGradient, o, dOutput, lse;
  std::unique_ptr<Buffer> workspace;
  void *places[AttentionCall::names.size()] = {};
  AttentionLibrary library;
  double flop;
};

/// oneDNN's products for the same sizes, [head] as batch.
class Products {
public:
  Products(const Work &w, bool gradient)
      : w(w), scores(w.heads * w.sequence * w.sequence), rows(w.heads * w.sequence * w.size),
        out(w.heads * w.sequence * w.size) {
    int64_t s = w.sequence, d = w.size;
    add(s, s, d, d, 1, 1, d); // q k^T, do v^T
    add(s, d, s, s, 1, d, 1); // p v, ds k
    if (gradient)
      add(s, d, s, 1, s, d, 1); // p^T do, ds^T q
    runner = std::make_unique<MatmulRunner>(library, 0);
    flop = (gradient ? 5 : 2) * 2.0 * w.heads * s * s * d;
  }

  double run() {
    bool gradient = library.size() == 3;
    for (int i = 0; i < (gradient ? 2 : 1); ++i) {
      runner->run(0, rows.begin, rows.begin, scores.begin, nullptr, nullptr);
      if (gradient)
        runner->run(2, scores.begin, rows.begin, out.begin, nullptr, nullptr);
    }
    runner->run(1, scores.begin, rows.begin, out.begin, nullptr, nullptr);
    return flop;
  }

private:
  void add(int64_t m, int64_t n, int64_t k, int64_t am, int64_t ak, int64_t bk, int64_t bn) {
    MatmulCall call{};
    call.alpha = 1;
    call.sizes = {w.heads, m, n, k};
    call.aStrides = {m * k, am, ak};
    call.bStrides = {k * n, bk, bn};
    call.cStrides = {m * n, n, 1};
    library.add(call);
  }

  Work w;
  Buffer scores, rows, out;
  MatmulLibrary library{1};
  std::unique_ptr<MatmulRunner> runner;
  double flop;
};

/// Seconds that this thread has had of a processor.
double now() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return double(time.tv_sec) + double(time.tv_nsec) / 1e9;
}

/// Median rates of contestants that take turns.
std::vector<double> measure(const std::vector<std::function<double()>> &contestants,
                            double seconds) {
  std::vector<std::vector<double>> rates(contestants.size());
  for (auto &run : contestants)
    run();
  double begin = now();
  do
    for (size_t i = 0; i < contestants.size(); ++i) {
      double round = now();
      double flop = contestants[i]();
      rates[i].push_back(flop / (now() - round) / 1e9);
    }
  while (now() - begin < seconds || rates[0].size() < 3);
  std::vector<double> medians;
  for (std::vector<double> &found : rates) {
    std::ranges::sort(found);
    medians.push_back(found[found.size() / 2]);
  }
  return medians;
}

void printRow(const Work &work, bool gradient, double seconds) {
  Attention causal(work, true, gradient), full(work, false, gradient);
  Products products(work, gradient);
  std::vector<double> rates = measure({[&] { return products.run(); },
                                       [&] { return causal.run(); },
                                       [&] { return full.run(); }},
                                      seconds);
  std::printf("%8ld  %-8s %9.1f %9.1f %6.0f%% %9.1f %6.0f%%\n", long(work.sequence),
              gradient ? "gradient" : "forward", rates[0], rates[1], 100 * rates[1] / rates[0],
              rates[2], 100 * rates[2] / rates[0]);
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: attention-bench HEADS SIZE SECONDS\n");
    return 2;
  }
  useOneThread();
  std::printf("GFLOP/s               oneDNN    causal    of it   full    of it\n");
  for (int64_t sequence = 128; sequence <= 4096; sequence *= 2)
    for (bool gradient : {false, true})
      printRow({std::atoll(argv[1]), sequence, std::atoll(argv[2])}, gradient, std::atof(argv[3]));
}
