//===- onednn_rate.cpp - The rate of oneDNN's matrix products --------------===//
//
// Every thread computes all matrix products of a GPT's training step, of one
// micro-batch, over and over: forward and both gradients of each linear layer
// and of attention, as often as the model has them. Large ones so weigh as much
// as they do in the model. The rate is that of all threads at once.
//
//   OMP_NUM_THREADS=1 onednn-rate LAYERS HIDDEN HEADS SEQUENCE VOCABULARY
//                                 BATCH THREADS SECONDS
//
//===----------------------------------------------------------------------===//

#include "oneapi/dnnl/dnnl.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <latch>
#include <thread>
#include <vector>

using dnnl::memory;

namespace {

struct Work {
  int64_t layers, hidden, heads, sequence, vocabulary, batch;
};

/// `count` products of [batch, m, k] by [batch, k, n].
struct Shape {
  int64_t batch, m, n, k, count;

  double flop() const { return 2.0 * batch * m * n * k; }
};

/// A product c = a b in memory of its own, with a or b stored transposed.
class Product {
public:
  Product(const dnnl::engine &engine, const Shape &shape, bool transposeA,
          bool transposeB) {
    memory a = make(engine, shape.batch, shape.m, shape.k, transposeA);
    memory b = make(engine, shape.batch, shape.k, shape.n, transposeB);
    memory c = make(engine, shape.batch, shape.m, shape.n, false);
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    dnnl::matmul::desc wanted(a.get_desc(), b.get_desc(), c.get_desc());
    dnnl::matmul::primitive_desc chosen(wanted, attributes, engine);
    primitive = dnnl::matmul(chosen);
    arguments = {{DNNL_ARG_SRC, a},
                 {DNNL_ARG_WEIGHTS, b},
                 {DNNL_ARG_DST, c},
                 {DNNL_ARG_SCRATCHPAD, memory(chosen.scratchpad_desc(), engine)}};
  }

  void run(dnnl::stream &stream) { primitive.execute(stream, arguments); }

private:
  static memory make(const dnnl::engine &engine, int64_t batch, int64_t rows,
                     int64_t columns, bool transposed) {
    memory::dims strides = transposed ? memory::dims{rows * columns, 1, rows}
                                      : memory::dims{rows * columns, columns, 1};
    memory result({{batch, rows, columns}, memory::data_type::f32, strides}, engine);
    auto *data = static_cast<float *>(result.get_data_handle());
    std::fill_n(data, batch * rows * columns, 0.5f);
    return result;
  }

  dnnl::matmul primitive;
  std::unordered_map<int, memory> arguments;
};

/// The forward products of one micro-batch.
std::vector<Shape> forwardShapes(const Work &w) {
  int64_t tokens = w.batch * w.sequence, head = w.hidden / w.heads;
  return {{1, tokens, 3 * w.hidden, w.hidden, w.layers},
          {w.batch * w.heads, w.sequence, w.sequence, head, w.layers},
          {w.batch * w.heads, w.sequence, head, w.sequence, w.layers},
          {1, tokens, w.hidden, w.hidden, w.layers},
          {1, tokens, 4 * w.hidden, w.hidden, w.layers},
          {1, tokens, w.hidden, 4 * w.hidden, w.layers},
          {1, tokens, w.vocabulary, w.hidden, 1}};
}

/// One thread's products: c = a b, da = dc b^T, db = a^T dc.
class Step {
public:
  Step(const dnnl::engine &engine, const Work &work) : stream(engine) {
    for (const Shape &s : forwardShapes(work)) {
      add(engine, s, false, false);
      add(engine, {s.batch, s.m, s.k, s.n, s.count}, false, true);
      add(engine, {s.batch, s.k, s.n, s.m, s.count}, true, false);
    }
  }

  /// Returns the operations done.
  double run() {
    for (auto &[product, count] : products)
      for (int64_t i = 0; i < count; ++i)
        product.run(stream);
    stream.wait();
    return flop;
  }

private:
  void add(const dnnl::engine &engine, const Shape &shape, bool transposeA,
           bool transposeB) {
    products.emplace_back(Product(engine, shape, transposeA, transposeB), shape.count);
    flop += shape.count * shape.flop();
  }

  dnnl::stream stream;
  std::vector<std::pair<Product, int64_t>> products;
  double flop = 0;
};

using Clock = std::chrono::steady_clock;

double since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// The median rate of one thread while all threads run.
void measure(const Work &work, double seconds, std::latch &ready, double &rate) {
  dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  Step step(engine, work);
  step.run(); // Generates code and touches memory.
  ready.arrive_and_wait();
  std::vector<double> rates;
  Clock::time_point begin = Clock::now();
  do {
    Clock::time_point round = Clock::now();
    double flop = step.run();
    rates.push_back(flop / since(round));
  } while (since(begin) < seconds);
  std::ranges::sort(rates);
  rate = rates[rates.size() / 2];
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 9) {
    std::fprintf(stderr, "usage: onednn-rate LAYERS HIDDEN HEADS SEQUENCE "
                         "VOCABULARY BATCH THREADS SECONDS\n");
    return 2;
  }
  auto number = [&](int i) { return std::atoll(argv[i]); };
  Work work{number(1), number(2), number(3), number(4), number(5), number(6)};
  size_t threads = number(7);
  std::vector<double> rates(threads);
  std::latch ready(threads);
  {
    std::vector<std::jthread> pool;
    for (double &rate : rates)
      pool.emplace_back(measure, work, std::atof(argv[8]), std::ref(ready),
                        std::ref(rate));
  }
  double total = 0;
  for (double rate : rates)
    total += rate;
  std::printf("%.1f\n", total / 1e9);
}
