//===- Matmul.cpp - Matrix products by oneDNN --------------------------------===//

#include "lib/Runtime/CPU/Matmul.h"

#include "lib/Runtime/Error.h"

#include <algorithm>
#include <dlfcn.h>
#include <numeric>

using namespace bitpipe;
using dnnl::memory;

namespace {

/// A product while its dimensions are being merged.
class ShapeBuilder {
public:
  explicit ShapeBuilder(const MatmulCall &call) {
    size_t batch = call.sizes.size() - 3;
    for (size_t i = 0; i < batch; ++i)
      if (call.sizes[i] > 1)
        batches.push_back({call.sizes[i], call.aStrides[i], call.bStrides[i],
                           call.cStrides[i]});
    m = call.sizes[batch], n = call.sizes[batch + 1], k = call.sizes[batch + 2];
    am = call.aStrides[batch], ak = call.aStrides[batch + 1];
    bk = call.bStrides[batch], bn = call.bStrides[batch + 1];
    cm = call.cStrides[batch], cn = call.cStrides[batch + 1];
    shape.alpha = call.alpha;
    shape.accumulate = call.accumulate;
    shape.residual = call.residual.has_value();
    shape.bias = call.bias ? MatmulShape::Columns : MatmulShape::None;
    shape.swapped = false;
  }

  MatmulShape build() {
    foldIntoRows();
    mergeBatches();
    if (cn != 1 && cm == 1)
      swap();
    for (const Batch &batch : batches) {
      shape.sizes.push_back(batch.size);
      shape.a.push_back(batch.a);
      shape.b.push_back(batch.b);
      shape.c.push_back(batch.c);
    }
    shape.sizes.insert(shape.sizes.end(), {m, n, k});
    shape.a.insert(shape.a.end(), {am, ak});
    shape.b.insert(shape.b.end(), {bk, bn});
    shape.c.insert(shape.c.end(), {cm, cn});
    return std::move(shape);
  }

private:
  struct Batch {
    int64_t size, a, b, c;
  };

  /// A batch over one and the same b is one product with more rows, if the
  /// rows of a and c go on evenly.
  void foldIntoRows() {
    while (!batches.empty()) {
      const Batch &last = batches.back();
      if (last.b != 0 || last.a != m * am || last.c != m * cm)
        return;
      m *= last.size;
      batches.pop_back();
    }
  }

  void mergeBatches() {
    for (size_t i = batches.size(); i-- > 1;) {
      const Batch inner = batches[i];
      Batch &outer = batches[i - 1];
      if (outer.a != inner.a * inner.size || outer.b != inner.b * inner.size ||
          outer.c != inner.c * inner.size)
        continue;
      outer = {outer.size * inner.size, inner.a, inner.b, inner.c};
      batches.erase(batches.begin() + i);
    }
  }

  /// The library wants contiguous rows of c: c^T = b^T a^T has them.
  void swap() {
    std::swap(m, n);
    std::swap(am, bn);
    std::swap(ak, bk);
    std::swap(cm, cn);
    for (Batch &batch : batches)
      std::swap(batch.a, batch.b);
    if (shape.bias == MatmulShape::Columns)
      shape.bias = MatmulShape::Rows;
    shape.swapped = true;
  }

  std::vector<Batch> batches;
  int64_t m, n, k, am, ak, bk, bn, cm, cn;
  MatmulShape shape;
};

/// A description of an operand: the batch sizes, then rows and columns.
memory::desc describe(const MatmulShape &shape, int64_t rows, int64_t columns,
                      std::vector<int64_t> strides, bool broadcasts) {
  size_t batch = shape.sizes.size() - 3;
  memory::dims sizes(shape.sizes.begin(), shape.sizes.begin() + batch);
  sizes.insert(sizes.end(), {rows, columns});
  // A batch stride of 0 is a broadcast, which oneDNN wants as size 1.
  for (size_t i = 0; broadcasts && i < batch; ++i)
    if (strides[i] == 0) {
      sizes[i] = 1;
      strides[i] = rows * columns;
    }
  // The stride of a dimension of size 1 is never used, but read as a leading
  // dimension.
  if (rows == 1 && columns > 1)
    strides[batch] = std::max(strides[batch], columns * strides[batch + 1]);
  if (columns == 1)
    strides[batch + 1] = strides[batch] == 1 ? rows : 1;
  return {sizes, memory::data_type::f32, strides};
}

memory::desc describeBias(const MatmulShape &shape) {
  size_t rank = shape.sizes.size() - 1;
  memory::dims sizes(rank, 1);
  bool rows = shape.bias == MatmulShape::Rows;
  sizes[rows ? rank - 2 : rank - 1] = shape.sizes[rows ? rank - 2 : rank - 1];
  memory::dims strides(rank, sizes[rank - 2] * sizes[rank - 1]);
  strides[rank - 1] = 1;
  strides[rank - 2] = rows ? 1 : sizes[rank - 1];
  return {sizes, memory::data_type::f32, strides};
}

/// The library adds its own bias before it scales, and per column only; any
/// other is an operation after the product.
bool biasInside(const MatmulShape &shape) {
  return shape.bias == MatmulShape::Columns && shape.alpha == 1;
}

struct Operands {
  memory::desc a, b, c, bias;

  explicit Operands(const MatmulShape &shape) {
    size_t batch = shape.sizes.size() - 3;
    int64_t m = shape.sizes[batch], n = shape.sizes[batch + 1],
            k = shape.sizes[batch + 2];
    a = describe(shape, m, k, shape.a, true);
    b = describe(shape, k, n, shape.b, true);
    c = describe(shape, m, n, shape.c, false);
    if (shape.bias != MatmulShape::None)
      bias = describeBias(shape);
  }
};

/// Which argument of the primitive an addition after the product takes.
int additionArgument(int position) {
  return DNNL_ARG_ATTR_MULTIPLE_POST_OP(position) | DNNL_ARG_SRC_1;
}

dnnl::matmul::primitive_desc describe(const MatmulShape &shape,
                                      const dnnl::engine &engine) {
  Operands operands(shape);
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (shape.alpha != 1)
    attributes.set_output_scales(0, {float(shape.alpha)});
  dnnl::post_ops after;
  if (shape.accumulate)
    after.append_sum();
  if (shape.bias != MatmulShape::None && !biasInside(shape))
    after.append_binary(dnnl::algorithm::binary_add, operands.bias);
  if (shape.residual)
    after.append_binary(dnnl::algorithm::binary_add, operands.c);
  attributes.set_post_ops(after);
  if (biasInside(shape))
    return {dnnl::matmul::desc(operands.a, operands.b, operands.bias,
                               operands.c),
            attributes, engine};
  return {dnnl::matmul::desc(operands.a, operands.b, operands.c), attributes,
          engine};
}

} // namespace

MatmulShape bitpipe::shapeOf(const MatmulCall &call) {
  return ShapeBuilder(call).build();
}

std::string bitpipe::text(const MatmulShape &shape) {
  std::string out;
  for (int64_t size : shape.sizes)
    out += (out.empty() ? "" : "x") + std::to_string(size);
  return out;
}

void bitpipe::useOneThread() {
  // Whichever OpenMP the library was built with is already loaded.
  using Setter = void (*)(int);
  if (auto set = Setter(dlsym(RTLD_DEFAULT, "omp_set_num_threads")))
    set(1);
}

MatmulLibrary::MatmulLibrary() : cpu(dnnl::engine::kind::cpu, 0) {}

size_t MatmulLibrary::add(const MatmulCall &call) {
  MatmulShape shape = shapeOf(call);
  auto [found, added] = numbers.try_emplace(shape, entries.size());
  if (!added)
    return found->second;
  try {
    auto description = describe(shape, cpu);
    entries.push_back({shape, description, dnnl::matmul(description)});
  } catch (const dnnl::error &error) {
    fail("oneDNN has no matmul of sizes ", listText(shape.sizes),
         " and strides ", listText(shape.a), ", ", listText(shape.b), ", ",
         listText(shape.c), ": ", error.what());
  }
  return found->second;
}

MatmulRunner::MatmulRunner(const MatmulLibrary &library)
    : engine(library.engine()), stream(engine) {
  int64_t largest = 0;
  for (size_t i = 0; i < library.size(); ++i)
    largest = std::max<int64_t>(
        largest, library[i].description.scratchpad_desc().get_size());
  scratchpad = memory({{std::max<int64_t>(largest, 1)},
                       memory::data_type::u8,
                       memory::format_tag::a},
                      engine);
  for (size_t i = 0; i < library.size(); ++i)
    prepared.push_back(prepare(library[i]));
}

MatmulRunner::Prepared
MatmulRunner::prepare(const MatmulLibrary::Entry &entry) {
  const MatmulShape &shape = entry.shape;
  Operands operands(shape);
  auto unset = [&](const memory::desc &description) {
    return memory(description, engine, nullptr);
  };
  Prepared result{entry.primitive.get(),  shape.swapped, unset(operands.a),
                  unset(operands.b), unset(operands.c),  {}, {}, {}};
  auto bind = [&](int argument, const memory &place) {
    result.arguments.push_back({argument, place.get()});
  };
  bind(DNNL_ARG_SRC, result.a);
  bind(DNNL_ARG_WEIGHTS, result.b);
  bind(DNNL_ARG_DST, result.c);
  bind(DNNL_ARG_SCRATCHPAD, scratchpad);
  int position = shape.accumulate;
  if (shape.bias != MatmulShape::None) {
    result.bias = unset(operands.bias);
    bind(biasInside(shape) ? DNNL_ARG_BIAS : additionArgument(position++),
         result.bias);
  }
  if (shape.residual) {
    result.residual = unset(operands.c);
    bind(additionArgument(position), result.residual);
  }
  return result;
}

void MatmulRunner::run(size_t number, void *a, void *b, void *c, void *bias,
                       void *residual) {
  Prepared &call = prepared[number];
  if (call.swapped)
    std::swap(a, b);
  auto set = [](const memory &place, void *address) {
    dnnl_memory_set_data_handle(place.get(), address);
  };
  set(call.a, a);
  set(call.b, b);
  set(call.c, c);
  if (bias)
    set(call.bias, bias);
  if (residual)
    set(call.residual, residual);
  dnnl_status_t status =
      dnnl_primitive_execute(call.primitive, stream.get(),
                             call.arguments.size(), call.arguments.data());
  if (status != dnnl_success)
    fail("oneDNN failed in a matmul with ", "status ", int(status));
}
