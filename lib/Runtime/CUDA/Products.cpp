//===- Products.cpp - Matrix products by cuBLASLt -----------------------------===//

#include "lib/Runtime/CUDA/Products.h"

#include "lib/Runtime/Error.h"

#include <algorithm>
#include <cstring>

using namespace bitpipe;
using blas::check;
using blas::library;

namespace {

blas::DataType typeOf(StoredFloat type) {
  return type == StoredFloat::BF16 ? blas::Brain16 : blas::Float32;
}

/// A matrix of the product as the library sees it, with contiguous columns.
struct Columns {
  int64_t rows, columns, leading;
  blas::Operation operation; // on it, to be the factor
};

/// A row-major matrix is its transpose with contiguous columns. Nothing if neither
/// rows nor columns are contiguous.
std::optional<Columns> columnsOf(int64_t rows, int64_t columns, int64_t rowStride,
                                 int64_t columnStride) {
  if ((columnStride == 1 || columns == 1) && (rowStride >= columns || rows == 1))
    return Columns{columns, rows, std::max(rows == 1 ? columns : rowStride, columns),
                   blas::OpN};
  if ((rowStride == 1 || rows == 1) && (columnStride >= rows || columns == 1))
    return Columns{rows, columns, std::max(columns == 1 ? rows : columnStride, rows),
                   blas::OpT};
  return std::nullopt;
}

/// A power of two that divides all addresses of an operand, at most what blocks have.
int64_t alignmentOf(int64_t offset, int64_t most = 256) {
  while (most > 1 && offset % most)
    most /= 2;
  return most;
}

blas::MatrixLayout makeLayout(blas::DataType type, const Columns &matrix, int32_t batches,
                              int64_t offset) {
  blas::MatrixLayout layout;
  check(library().layoutCreate(&layout, type, uint64_t(matrix.rows), uint64_t(matrix.columns),
                               matrix.leading),
        "describe a matrix");
  check(library().layoutSet(layout, blas::BatchCount, &batches, sizeof(batches)),
        "describe a batch");
  check(library().layoutSet(layout, blas::BatchOffset, &offset, sizeof(offset)),
        "describe a batch");
  return layout;
}

template <typename T>
void set(blas::MatmulDesc desc, blas::DescAttribute attribute, const T &value) {
  check(library().descSet(desc, attribute, &value, sizeof(value)), "describe a product");
}

/// All dimensions of c, rows and columns last.
void fillStart(gpu::Start &start, const MatmulShape &shape, const std::string &where) {
  size_t batch = shape.sizes.size() - 3;
  auto add = [&](int64_t size, int64_t stride) {
    if (start.dimensions == int64_t(std::size(start.sizes)))
      fail(where, ": matmul ", text(shape), " has more than ", std::size(start.sizes),
           " dimensions");
    start.sizes[start.dimensions] = size;
    start.strides[start.dimensions++] = stride;
  };
  for (const MatmulShape::Loop &loop : shape.loops)
    add(loop.size, loop.c);
  for (size_t i = 0; i < batch + 2; ++i)
    add(shape.sizes[i], shape.c[i]);
  start.elements = 1;
  for (int64_t i = 0; i < start.dimensions; ++i)
    start.elements *= start.sizes[i];
  start.biasRows = shape.bias == MatmulShape::Rows;
  start.biasColumns = shape.bias == MatmulShape::Columns;
  start.keeps = shape.accumulate;
  start.brain = shape.result == StoredFloat::BF16;
}

} // namespace

Products::Products(const GPU &gpu, const OwnKernels &kernels) : kernels(kernels) {
  gpu.use();
  check(library().create(&handle), "start");
}

Products::~Products() {
  for (Entry &entry : entries) {
    library().descDestroy(entry.desc);
    for (blas::MatrixLayout layout : {entry.a, entry.b, entry.c})
      library().layoutDestroy(layout);
  }
  library().destroy(handle);
}

size_t Products::add(const MatmulCall &call, const std::string &where) {
  Entry entry{};
  entry.shape = shapeOf(call);
  auto alignment = [](const std::optional<BlockPlace> &place) {
    return place ? alignmentOf(place->offset) : 256;
  };
  int64_t alignments[] = {alignment(entry.shape.swapped ? call.b : call.a),
                          alignment(entry.shape.swapped ? call.a : call.b), alignment(call.c),
                          alignment(call.bias), alignment(call.residual)};
  std::ranges::copy(alignments, entry.alignments);
  for (size_t i = 0; i < entries.size(); ++i)
    if (entries[i].shape == entry.shape && std::ranges::equal(entries[i].alignments, alignments))
      return i;
  prepare(entry, where);
  scratch = std::max(scratch, entry.roundedBias * sizeOf(StoredFloat::BF16));
  entries.push_back(std::move(entry));
  return entries.size() - 1;
}

/// The library's first factor is b and its second a: c^T = b^T a^T.
void Products::prepare(Entry &entry, const std::string &where) const {
  const MatmulShape &shape = entry.shape;
  size_t batch = shape.sizes.size() - 3;
  auto [a, b, c] = matricesOf(shape);
  auto of = [](const MatrixLayout &m) {
    return columnsOf(m.rows, m.columns, m.rowStride, m.columnStride);
  };
  auto first = of(b), second = of(a), result = of(c);
  if (!first || !second || !result || result->operation != blas::OpN)
    fail(where, ": matmul ", text(shape), " has strides a ", listText(shape.a), ", b ",
         listText(shape.b), ", c ", listText(shape.c),
         ", expected rows or columns of each that are contiguous, and rows of c");
  int64_t operandBytes = sizeOf(shape.operands), resultBytes = sizeOf(shape.result);
  for (const MatmulShape::Loop &loop : shape.loops)
    entry.loops.push_back({loop.size, loop.a * operandBytes, loop.b * operandBytes,
                           loop.c * resultBytes});
  for (size_t i = 0; i + 1 < batch; ++i)
    entry.loops.push_back({shape.sizes[i], shape.a[i] * operandBytes,
                           shape.b[i] * operandBytes, shape.c[i] * resultBytes});
  for (const Loop &loop : entry.loops) {
    entry.alignments[0] = alignmentOf(loop.a, entry.alignments[0]);
    entry.alignments[1] = alignmentOf(loop.b, entry.alignments[1]);
    entry.alignments[2] = alignmentOf(loop.c, entry.alignments[2]);
    entry.alignments[4] = alignmentOf(loop.c, entry.alignments[4]);
  }
  auto batches = int32_t(batch ? shape.sizes[batch - 1] : 1);
  auto offset = [&](const std::vector<int64_t> &strides) {
    return batch ? strides[batch - 1] : 0;
  };
  entry.a = makeLayout(typeOf(shape.operands), *second, batches, offset(shape.a));
  entry.b = makeLayout(typeOf(shape.operands), *first, batches, offset(shape.b));
  entry.c = makeLayout(typeOf(shape.result), *result, batches, offset(shape.c));

  check(library().descCreate(&entry.desc, blas::Compute32F, blas::Float32), "describe");
  set(entry.desc, blas::TransA, int32_t(first->operation));
  set(entry.desc, blas::TransB, int32_t(second->operation));
  set(entry.desc, blas::BiasType, int32_t(typeOf(shape.result)));
  bool canBias = shape.bias == MatmulShape::Columns && entry.alignments[3] >= 16;
  divide(entry, canBias, where);
  blas::Status status = choose(entry);
  if (status != blas::Success && canBias) {
    divide(entry, false, where);
    status = choose(entry);
  }
  if (status != blas::Success)
    fail(where, ": cuBLASLt has no algorithm for matmul ", text(shape), ": status ",
         int(status));
}

/// What the library adds to a product, and what c begins with instead.
void Products::divide(Entry &entry, bool biasByLibrary, const std::string &where) const {
  const MatmulShape &shape = entry.shape;
  entry.biasByLibrary = biasByLibrary;
  bool rounds = biasByLibrary && shape.result == StoredFloat::BF16;
  entry.roundedBias = rounds ? shape.sizes.end()[-2] : 0;
  entry.begin = {};
  bool ownBias = shape.bias != MatmulShape::None && !entry.biasByLibrary;
  entry.residualByLibrary = shape.residual && !ownBias && !shape.accumulate;
  entry.begin.withBias = ownBias;
  entry.begin.withResidual = shape.residual && !entry.residualByLibrary;
  entry.begin.active = entry.begin.withBias || entry.begin.withResidual;
  if (entry.begin.active)
    fillStart(entry.begin.arguments, shape, where);
  entry.alpha = float(shape.alpha);
  entry.beta = shape.accumulate || entry.residualByLibrary || entry.begin.active;

  set(entry.desc, blas::Epilogue,
      uint32_t(entry.biasByLibrary ? blas::EpilogueBias : blas::EpilogueDefault));
}

blas::Status Products::choose(Entry &entry) const {
  blas::Preference preference;
  check(library().preferenceCreate(&preference), "ask for an algorithm");
  auto want = [&](blas::PreferenceAttribute attribute, auto value) {
    check(library().preferenceSet(preference, attribute, &value, sizeof(value)),
          "ask for an algorithm");
  };
  want(blas::MaxWorkspace, uint64_t(workspaceBytes));
  want(blas::ReductionMask, uint32_t(blas::ReductionComputeType));
  want(blas::AlignmentA, uint32_t(entry.alignments[1]));
  want(blas::AlignmentB, uint32_t(entry.alignments[0]));
  want(blas::AlignmentC, uint32_t(entry.alignments[entry.residualByLibrary ? 4 : 2]));
  want(blas::AlignmentD, uint32_t(entry.alignments[2]));
  int found = 0;
  auto status = library().heuristic(handle, entry.desc, entry.b, entry.a, entry.c, entry.c,
                                    preference, 1, &entry.algorithm, &found);
  library().preferenceDestroy(preference);
  return status == blas::Success && found == 0 ? blas::NotSupported : status;
}

template <typename Call>
void Products::eachCall(const Entry &entry, size_t loop, const ProductPlaces &places,
                        cuda::Pointer workspace, Call call) const {
  auto pointer = [](cuda::Pointer place) { return reinterpret_cast<void *>(place); };
  if (loop == entry.loops.size())
    return call(ProductCall{handle, entry.desc, &entry.alpha, pointer(places.b), entry.b,
                            pointer(places.a), entry.a, &entry.beta, pointer(places.residual),
                            entry.c, pointer(places.c), entry.c, &entry.algorithm.algorithm,
                            pointer(workspace), workspaceBytes});
  const Loop &steps = entry.loops[loop];
  ProductPlaces next = places;
  for (int64_t i = 0; i < steps.size; ++i) {
    eachCall(entry, loop + 1, next, workspace, call);
    next.a += steps.a, next.b += steps.b, next.c += steps.c, next.residual += steps.c;
  }
}

void Products::run(size_t number, const ProductPlaces &places, cuda::Stream stream,
                   const ProductMemory &memory) const {
  const Entry &entry = entries[number];
  ProductPlaces begun = begin(entry, places, stream, memory.scratch);
  eachCall(entry, 0, begun, memory.workspace, [&](const ProductCall &m) {
    check(library().matmul(m.handle, m.desc, m.alpha, m.a, m.aLayout, m.b, m.bLayout, m.beta,
                           m.c, m.cLayout, m.d, m.dLayout, m.algorithm, m.workspace,
                           m.workspaceBytes, stream),
          "matmul");
  });
}

void Products::begin(size_t number, const ProductPlaces &places, cuda::Stream stream,
                     const ProductMemory &memory, std::vector<ProductCall> &calls) const {
  const Entry &entry = entries[number];
  calls.clear();
  eachCall(entry, 0, begin(entry, places, stream, memory.scratch), memory.workspace,
           [&](const ProductCall &call) { calls.push_back(call); });
}

/// Sets the bias or writes it, and gives the places as the library takes them.
ProductPlaces Products::begin(const Entry &entry, const ProductPlaces &places,
                              cuda::Stream stream, cuda::Pointer scratch) const {
  if (entry.begin.active) {
    gpu::Start start = entry.begin.arguments;
    start.c = reinterpret_cast<void *>(places.c);
    if (entry.begin.withBias)
      start.bias = reinterpret_cast<const float *>(places.bias);
    if (entry.begin.withResidual)
      start.residual = reinterpret_cast<const void *>(places.residual);
    kernels.launch(kernels.start, start.elements, stream, start);
  }
  if (entry.biasByLibrary)
    set(entry.desc, blas::BiasPointer, biasFor(entry, places.bias, stream, scratch));
  ProductPlaces mine = places;
  if (entry.shape.swapped)
    std::swap(mine.a, mine.b);
  if (!entry.residualByLibrary)
    mine.residual = mine.c;
  return mine;
}

/// As the library takes it. Rounding it first is what PyTorch's autocast does, too.
cuda::Pointer Products::biasFor(const Entry &entry, cuda::Pointer bias, cuda::Stream stream,
                                cuda::Pointer scratch) const {
  if (!entry.roundedBias)
    return bias;
  kernels.launch(kernels.round, (entry.roundedBias + 3) / 4, stream,
                 gpu::Round{reinterpret_cast<const float *>(bias),
                            reinterpret_cast<uint16_t *>(scratch), entry.roundedBias});
  return scratch;
}
