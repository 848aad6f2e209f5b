//===- Matmul.cpp - Matrix products by oneDNN -----------------------------===//

#include "lib/Runtime/CPU/Matmul.h"

#include "lib/Runtime/Error.h"

#include <algorithm>
#include <dlfcn.h>
#include <optional>
#include <string_view>

using namespace bitpipe;
using dnnl::memory;

namespace {

memory::data_type typeOf(StoredFloat type) {
  return type == StoredFloat::BF16 ? memory::data_type::bf16 : memory::data_type::f32;
}

/// A description of an operand: the batch sizes, then rows and columns.
memory::desc describe(const MatmulShape &shape, int64_t rows, int64_t columns,
                      std::vector<int64_t> strides, StoredFloat type) {
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
  return {sizes, typeOf(type), strides};
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
    a = describe(shape, m, k, shape.a, shape.operands);
    b = describe(shape, k, n, shape.b, shape.operands);
    c = describe(shape, m, n, shape.c, shape.result);
    if (MatmulStart::biasByLibrary(shape))
      bias = describeBias(shape);
  }
};

dnnl::primitive_attr attributesOf(const MatmulShape &shape) {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (shape.alpha != 1)
    attributes.set_output_scales(0, {float(shape.alpha)});
  dnnl::post_ops after;
  if (MatmulStart::accumulates(shape))
    after.append_sum();
  attributes.set_post_ops(after);
  return attributes;
}

/// Whether one matrix of f32 is multiplied by one whose rows are contiguous.
bool isPlainProduct(const MatmulShape &shape) {
  return shape.sizes.size() == 3 && shape.operands == StoredFloat::F32 &&
         shape.b.back() == 1;
}

/// Goes to an implementation of this name; false if the library has none.
bool advanceTo(dnnl::matmul::primitive_desc &description, std::string_view name) {
  while (!std::string_view(description.impl_info_str()).starts_with(name))
    if (!description.next_impl())
      return false;
  return true;
}

/// The implementation for a shape. The library's first choice on AVX-512 reads a plain b
/// more slowly than its gemm does, at some sizes (3072 columns) at less than half of its
/// rate; of a transposed b it is the faster one.
dnnl::matmul::primitive_desc describe(const MatmulShape &shape,
                                      const dnnl::engine &engine) {
  Operands of(shape);
  dnnl::matmul::desc wanted = MatmulStart::biasByLibrary(shape)
                                  ? dnnl::matmul::desc(of.a, of.b, of.bias, of.c)
                                  : dnnl::matmul::desc(of.a, of.b, of.c);
  dnnl::primitive_attr attributes = attributesOf(shape);
  dnnl::matmul::primitive_desc found(wanted, attributes, engine);
  // Going through the implementations needs `wanted`, and there is no way back.
  if (isPlainProduct(shape) && !advanceTo(found, "gemm:jit"))
    return {wanted, attributes, engine};
  return found;
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
    primitives.push_back(make(shape));
  } catch (const dnnl::error &error) {
    fail("error: oneDNN has no matmul of sizes ", listText(shape.sizes),
         " and strides ", listText(shape.a), ", ", listText(shape.b), ", ",
         listText(shape.c), ": ", error.what());
  }
  return found->second;
}

/// The library's product of bf16, if it has one that is more than its plain loops.
static std::optional<dnnl::matmul::primitive_desc>
describeBrain(const MatmulShape &shape, const dnnl::engine &engine) {
  try {
    auto description = describe(shape, engine);
    bool isPlain = std::string_view(description.impl_info_str()).starts_with("ref");
    return isPlain ? std::nullopt : std::optional(description);
  } catch (const dnnl::error &) { // not on this processor
    return std::nullopt;
  }
}

MatmulLibrary::Primitive MatmulLibrary::make(const MatmulShape &shape) const {
  bool isBrain = shape.operands == StoredFloat::BF16;
  if (isBrain)
    if (auto description = describeBrain(shape, cpu))
      return {false, *description, dnnl::matmul(*description)};
  auto description = describe(isBrain ? widened(shape) : shape, cpu);
  return {isBrain, description, dnnl::matmul(description)};
}

bool MatmulLibrary::widens() const {
  return std::ranges::any_of(primitives, &Primitive::widens);
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
  fitWide();
}

/// Makes room for the largest matrices that are widened.
void MatmulRunner::fitWide() {
  auto fit = [](std::vector<float> &room, const MatrixLayout &matrix) {
    room.resize(std::max<size_t>(room.size(), matrix.elements()));
  };
  for (const auto &call : prepared) {
    if (!call || !call->widens)
      continue;
    fit(wideA, call->matrices.a);
    fit(wideB, call->matrices.b);
    if (call->resultIsBrain)
      fit(wideC, call->matrices.c);
  }
}

/// Every round so far, once per iteration of a loop.
template <typename Offset>
static void repeat(std::vector<Offset> &rounds, const MatmulShape &shape,
                   const MatmulShape::Loop &loop) {
  int64_t operand = sizeOf(shape.operands), result = sizeOf(shape.result); // bytes
  std::vector<Offset> all;
  for (const Offset &round : rounds)
    for (int64_t i = 0; i < loop.size; ++i)
      all.push_back({round.a + i * loop.a * operand, round.b + i * loop.b * operand,
                     round.c + i * loop.c * result});
  rounds = std::move(all);
}

MatmulRunner::Prepared
MatmulRunner::prepare(const MatmulLibrary &library, const MatmulLibrary::Part &part) {
  const MatmulShape &shape = part.share.shape;
  const MatmulLibrary::Primitive &primitive = library.primitiveOf(part);
  MatmulShape multiplied = primitive.widens ? widened(shape) : shape;
  Operands operands(multiplied);
  auto unset = [&](const memory::desc &description) {
    return memory(description, engine, nullptr);
  };
  int64_t operand = sizeOf(shape.operands), ofResult = sizeOf(shape.result); // bytes
  Prepared result{primitive.primitive.get(),
                  shape.swapped,
                  primitive.widens,
                  part.share.a * operand,
                  part.share.b * operand,
                  part.share.c * ofResult,
                  part.share.bias * int64_t(sizeof(float)),
                  matricesOf(shape),
                  multiplied.accumulate,
                  shape.result == StoredFloat::BF16,
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
    repeat(result.rounds, shape, loop);
  for (size_t i = 0; primitive.widens && i + 3 < shape.sizes.size(); ++i)
    repeat(result.rounds, shape, {shape.sizes[i], shape.a[i], shape.b[i], shape.c[i]});
  return result;
}

/// Where a part of an operand begins; null stays null.
static char *bytes(void *operand, int64_t begin) {
  return operand ? static_cast<char *>(operand) + begin : nullptr;
}

void MatmulRunner::run(size_t number, void *a, void *b, void *c, void *bias,
                       void *residual) {
  Prepared &call = *prepared[number];
  if (call.swapped)
    std::swap(a, b);
  char *aPart = bytes(a, call.aBegin), *bPart = bytes(b, call.bBegin),
       *cPart = bytes(c, call.cBegin), *biasPart = bytes(bias, call.biasBegin);
  call.start.write(cPart, reinterpret_cast<float *>(biasPart), bytes(residual, call.cBegin));
  if (call.bias)
    dnnl_memory_set_data_handle(call.bias.get(), biasPart);
  heldA = heldB = nullptr;
  auto multiplyOne = call.widens ? &MatmulRunner::multiplyWidened : &MatmulRunner::multiply;
  for (const auto &round : call.rounds)
    (this->*multiplyOne)(call, aPart + round.a, bPart + round.b, cPart + round.c);
}

/// The product of one matrix. What the round before has widened, too, is there.
void MatmulRunner::multiplyWidened(const Prepared &call, char *a, char *b, char *c) {
  auto brain = [](char *matrix) { return reinterpret_cast<uint16_t *>(matrix); };
  auto bytes = [](std::vector<float> &wide) { return reinterpret_cast<char *>(wide.data()); };
  if (a != heldA)
    widen(call.matrices.a, brain(a), wideA.data());
  if (b != heldB)
    widen(call.matrices.b, brain(b), wideB.data());
  heldA = a, heldB = b;
  if (!call.resultIsBrain)
    return multiply(call, bytes(wideA), bytes(wideB), c);
  if (call.addsToC)
    widen(call.matrices.c, brain(c), wideC.data());
  multiply(call, bytes(wideA), bytes(wideB), bytes(wideC));
  narrow(call.matrices.c, wideC.data(), brain(c));
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
