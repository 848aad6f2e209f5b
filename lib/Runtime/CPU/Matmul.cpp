//===- Matmul.cpp - Matrix products by oneDNN -----------------------------===//

#include "lib/Runtime/CPU/Matmul.h"

#include "lib/Runtime/Error.h"

#include <algorithm>
#include <dlfcn.h>

using namespace bitpipe;
using dnnl::memory;

namespace {

/// A description of an operand: the batch sizes, then rows and columns.
memory::desc describe(const MatmulShape &shape, int64_t rows, int64_t columns,
                      std::vector<int64_t> strides) {
  size_t batch = shape.sizes.size() - 3;
  memory::dims sizes(shape.sizes.begin(), shape.sizes.begin() + batch);
  sizes.insert(sizes.end(), {rows, columns});
  // The stride of a dimension of size 1 is never used, but read as a leading
  // dimension, beside a contiguous other one.
  int64_t &row = strides[batch], &column = strides[batch + 1];
  if (rows == 1)
    row = column == 1 ? columns : 1;
  else if (columns == 1)
    column = 1;
  return {sizes, memory::data_type::f32, strides};
}

memory::desc describeBias(const MatmulShape &shape) {
  size_t rank = shape.sizes.size() - 1;
  memory::dims sizes(rank, 1);
  sizes.back() = shape.sizes[rank - 1];
  memory::dims strides(rank, sizes.back());
  strides.back() = 1;
  return {sizes, memory::data_type::f32, strides};
}

struct Operands {
  memory::desc a, b, c, bias;

  explicit Operands(const MatmulShape &shape) {
    size_t batch = shape.sizes.size() - 3;
    int64_t m = shape.sizes[batch], n = shape.sizes[batch + 1],
            k = shape.sizes[batch + 2];
    a = describe(shape, m, k, shape.a);
    b = describe(shape, k, n, shape.b);
    c = describe(shape, m, n, shape.c);
    if (MatmulStart::biasByLibrary(shape))
      bias = describeBias(shape);
  }
};

dnnl::matmul::primitive_desc describe(const MatmulShape &shape,
                                      const dnnl::engine &engine) {
  Operands operands(shape);
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (shape.alpha != 1)
    attributes.set_output_scales(0, {float(shape.alpha)});
  dnnl::post_ops after;
  if (MatmulStart::accumulates(shape))
    after.append_sum();
  attributes.set_post_ops(after);
  if (MatmulStart::biasByLibrary(shape))
    return {dnnl::matmul::desc(operands.a, operands.b, operands.bias,
                               operands.c),
            attributes, engine};
  return {dnnl::matmul::desc(operands.a, operands.b, operands.c), attributes,
          engine};
}

} // namespace

void bitpipe::useOneThread() {
  // Whichever OpenMP the library was built with is already loaded.
  using Setter = void (*)(int);
  if (auto set = Setter(dlsym(RTLD_DEFAULT, "omp_set_num_threads")))
    set(1);
}

MatmulLibrary::MatmulLibrary(uint32_t members)
    : members(members), cpu(dnnl::engine::kind::cpu, 0) {}

size_t MatmulLibrary::add(const MatmulCall &call) {
  MatmulShape shape = shapeOf(call);
  auto [found, added] = numbers.try_emplace(shape, products.size());
  if (!added)
    return found->second;
  Product product{shape, {}};
  for (const MatmulShare &share : sharesOf(shape, members))
    product.parts.push_back({share, addPrimitive(share.shape)});
  products.push_back(std::move(product));
  return found->second;
}

size_t MatmulLibrary::addPrimitive(const MatmulShape &shape) {
  auto [found, added] = primitiveNumbers.try_emplace(shape, primitives.size());
  if (!added)
    return found->second;
  try {
    auto description = describe(shape, cpu);
    primitives.push_back({description, dnnl::matmul(description)});
  } catch (const dnnl::error &error) {
    fail("error: oneDNN has no matmul of sizes ", listText(shape.sizes),
         " and strides ", listText(shape.a), ", ", listText(shape.b), ", ",
         listText(shape.c), ": ", error.what());
  }
  return found->second;
}

MatmulRunner::MatmulRunner(const MatmulLibrary &library, uint32_t member)
    : engine(library.engine()), stream(engine) {
  auto hasPart = [&](size_t i) { return member < library[i].parts.size(); };
  int64_t largest = 0;
  for (size_t i = 0; i < library.size(); ++i)
    if (hasPart(i))
      largest = std::max<int64_t>(largest, library.primitiveOf(library[i].parts[member])
                                               .description.scratchpad_desc()
                                               .get_size());
  scratchpad = memory({{std::max<int64_t>(largest, 1)},
                       memory::data_type::u8,
                       memory::format_tag::a},
                      engine);
  for (size_t i = 0; i < library.size(); ++i)
    if (prepared.emplace_back(); hasPart(i))
      prepared.back() = prepare(library, library[i].parts[member]);
}

/// Every round so far, once per iteration of a loop.
template <typename Offset>
static void repeat(std::vector<Offset> &rounds, const MatmulShape::Loop &loop) {
  constexpr int64_t bytes = sizeof(float);
  std::vector<Offset> all;
  for (const Offset &round : rounds)
    for (int64_t i = 0; i < loop.size; ++i)
      all.push_back({round.a + i * loop.a * bytes, round.b + i * loop.b * bytes,
                     round.c + i * loop.c * bytes});
  rounds = std::move(all);
}

MatmulRunner::Prepared
MatmulRunner::prepare(const MatmulLibrary &library, const MatmulLibrary::Part &part) {
  const MatmulShape &shape = part.share.shape;
  Operands operands(shape);
  auto unset = [&](const memory::desc &description) {
    return memory(description, engine, nullptr);
  };
  Prepared result{library.primitiveOf(part).primitive.get(),
                  shape.swapped,
                  part.share.a,
                  part.share.b,
                  part.share.c,
                  part.share.bias,
                  unset(operands.a),
                  unset(operands.b),
                  unset(operands.c),
                  {},
                  {},
                  MatmulStart(shape),
                  {{0, 0, 0}}};
  auto bind = [&](int argument, const memory &place) {
    result.arguments.push_back({argument, place.get()});
  };
  bind(DNNL_ARG_SRC, result.a);
  bind(DNNL_ARG_WEIGHTS, result.b);
  bind(DNNL_ARG_DST, result.c);
  bind(DNNL_ARG_SCRATCHPAD, scratchpad);
  if (MatmulStart::biasByLibrary(shape)) {
    result.bias = unset(operands.bias);
    bind(DNNL_ARG_BIAS, result.bias);
  }
  for (const MatmulShape::Loop &loop : shape.loops)
    repeat(result.rounds, loop);
  return result;
}

/// Where a part of an operand begins; null stays null.
static float *elements(void *operand, int64_t begin) {
  return operand ? static_cast<float *>(operand) + begin : nullptr;
}

void MatmulRunner::run(size_t number, void *a, void *b, void *c, void *bias,
                       void *residual) {
  Prepared &call = *prepared[number];
  if (call.swapped)
    std::swap(a, b);
  float *aPart = elements(a, call.aBegin), *bPart = elements(b, call.bBegin),
        *cPart = elements(c, call.cBegin), *biasPart = elements(bias, call.biasBegin);
  call.start.write(cPart, biasPart, elements(residual, call.cBegin));
  if (call.bias)
    dnnl_memory_set_data_handle(call.bias.get(), biasPart);
  for (const auto &round : call.rounds)
    multiply(call, reinterpret_cast<char *>(aPart) + round.a,
             reinterpret_cast<char *>(bPart) + round.b,
             reinterpret_cast<char *>(cPart) + round.c);
}

void MatmulRunner::multiply(const Prepared &call, char *a, char *b, char *c) {
  dnnl_memory_set_data_handle(call.a.get(), a);
  dnnl_memory_set_data_handle(call.b.get(), b);
  dnnl_memory_set_data_handle(call.c.get(), c);
  dnnl_status_t status =
      dnnl_primitive_execute(call.primitive, stream.get(),
                             int(call.arguments.size()), call.arguments.data());
  if (status != dnnl_success)
    fail("error: oneDNN failed in a matmul with status ", int(status));
}
