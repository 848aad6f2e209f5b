//===- matmul_bench.cpp - Which of oneDNN's implementations is faster -------===//
//
// The products of a GPT's linear layers, on one thread: a b forwards (or where weights
// lie as [outputs, inputs], in the input gradient), a b^T the other way, and a^T b added
// to the weight gradient. Each by the library's first choice, by its gemm, and by its
// first choice with b reordered beforehand as that likes it best, which takes the time in the
// last column. A star is on the one that the runtime takes. Medians of rounds, in which the
// contestants take turns, by the thread's own time on a processor.
//
//   OMP_NUM_THREADS=1 matmul-bench TOKENS HIDDEN SECONDS
//
//===----------------------------------------------------------------------===//

#include "lib/Runtime/CPU/Matmul.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <string_view>

using namespace bitpipe;
using dnnl::memory;

namespace {

double now() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return double(time.tv_sec) + double(time.tv_nsec) / 1e9;
}

struct Form {
  const char *name;
  bool aTransposed, bTransposed, adds;
};
constexpr Form forms[] = {{"a b", false, false, false},
                          {"a b^T", false, true, false},
                          {"c + a^T b", true, false, true}};

struct Sizes {
  int64_t m, n, k;
};

memory::dims strides(int64_t rows, int64_t columns, bool transposed) {
  return transposed ? memory::dims{1, rows} : memory::dims{columns, 1};
}

/// One implementation with operands of its own.
class Product {
public:
  Product(const dnnl::engine &engine, const Form &form, const Sizes &s, bool byGemm,
          bool reorders)
      : stream(engine) {
    constexpr auto f32 = memory::data_type::f32;
    memory::desc a({s.m, s.k}, f32, strides(s.m, s.k, form.aTransposed)),
        plain({s.k, s.n}, f32, strides(s.k, s.n, form.bTransposed)),
        c({s.m, s.n}, f32, strides(s.m, s.n, false));
    memory::desc b = reorders ? memory::desc({s.k, s.n}, f32, memory::format_tag::any) : plain;
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    if (form.adds) {
      dnnl::post_ops after;
      after.append_sum();
      attributes.set_post_ops(after);
    }
    dnnl::matmul::desc wanted(a, b, c);
    dnnl::matmul::primitive_desc chosen(wanted, attributes, engine);
    while (byGemm && !std::string_view(chosen.impl_info_str()).starts_with("gemm:jit"))
      if (!chosen.next_impl())
        std::exit(std::fprintf(stderr, "error: oneDNN has no gemm:jit here\n"));
    product = dnnl::matmul(chosen);
    arguments = {{DNNL_ARG_SRC, make(engine, a)},
                 {DNNL_ARG_WEIGHTS, make(engine, chosen.weights_desc())},
                 {DNNL_ARG_DST, make(engine, c)},
                 {DNNL_ARG_SCRATCHPAD, memory(chosen.scratchpad_desc(), engine)}};
    unordered = make(engine, plain);
    reorder = dnnl::reorder(unordered, arguments.at(DNNL_ARG_WEIGHTS));
  }

  void run() { product.execute(stream, arguments); }
  void runReorder() { reorder.execute(stream, unordered, arguments.at(DNNL_ARG_WEIGHTS)); }

private:
  static memory make(const dnnl::engine &engine, const memory::desc &description) {
    memory result(description, engine);
    std::fill_n(static_cast<float *>(result.get_data_handle()), description.get_size() / 4,
                0.25f);
    return result;
  }

  dnnl::stream stream;
  dnnl::matmul product;
  std::unordered_map<int, memory> arguments;
  memory unordered;
  dnnl::reorder reorder;
};

/// Whether the runtime computes such a product by the library's gemm.
bool takesGemm(const Form &form, const Sizes &s) {
  MatmulCall call{};
  call.sizes = {s.m, s.n, s.k};
  call.aStrides = strides(s.m, s.k, form.aTransposed);
  call.bStrides = strides(s.k, s.n, form.bTransposed);
  call.cStrides = strides(s.m, s.n, false);
  call.alpha = 1;
  call.accumulate = form.adds;
  MatmulLibrary library(1);
  const MatmulLibrary::Part &part = library[library.add(call)].parts.front();
  std::string_view name = library.primitiveOf(part).description.impl_info_str();
  return name.starts_with("gemm:jit");
}

/// Median seconds of each contestant.
std::vector<double> measure(const std::vector<std::function<void()>> &contestants,
                            double seconds) {
  std::vector<std::vector<double>> times(contestants.size());
  for (auto &run : contestants)
    run(); // generates code, touches memory
  for (double begin = now(); now() - begin < seconds;)
    for (size_t i = 0; i < contestants.size(); ++i) {
      double start = now();
      contestants[i]();
      times[i].push_back(now() - start);
    }
  std::vector<double> medians;
  for (auto &all : times) {
    std::ranges::sort(all);
    medians.push_back(all[all.size() / 2]);
  }
  return medians;
}

void show(const dnnl::engine &engine, const Form &form, const Sizes &s, double seconds) {
  Product first(engine, form, s, false, false), gemm(engine, form, s, true, false),
      ordered(engine, form, s, false, true);
  auto medians = measure({[&] { first.run(); }, [&] { gemm.run(); }, [&] { ordered.run(); },
                          [&] { ordered.runReorder(); }},
                         seconds);
  auto rate = [&](size_t i) { return 2e-9 * double(s.m * s.n * s.k) / medians[i]; };
  bool byGemm = takesGemm(form, s);
  std::printf("%-10s %5ld x %5ld x %5ld %9.1f%c %9.1f%c %11.1f %15.3f\n", form.name, long(s.m),
              long(s.n), long(s.k), rate(0), byGemm ? ' ' : '*', rate(1), byGemm ? '*' : ' ',
              rate(2), medians[3] * 1e3);
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: matmul-bench TOKENS HIDDEN SECONDS\n");
    return 2;
  }
  int64_t tokens = std::atoll(argv[1]), hidden = std::atoll(argv[2]);
  dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  std::printf("%-10s %5s   %5s   %5s %9s  %9s  %11s   %s\n", "GFLOP/s", "m", "n", "k", "first", "gemm",
              "reordered b", "ms to reorder");
  for (auto [outputs, inputs] : {std::pair(3 * hidden, hidden), std::pair(hidden, hidden),
                                 std::pair(4 * hidden, hidden), std::pair(hidden, 4 * hidden)})
    for (const Form &form : forms)
      show(engine, form,
           form.aTransposed ? Sizes{inputs, outputs, tokens} : Sizes{tokens, outputs, inputs},
           std::atof(argv[3]));
}
