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

Products::Products(const GPU &gpu, const OwnKernels &kernels, const CUDAStream &stream,
                   EpilogueChoice epilogues)
    : gpu(gpu), kernels(kernels), stream(stream), epilogues(epilogues) {
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
  scratch = std::max(scratch, scratchOf(entry));
  entries.push_back(std::move(entry));
  return entries.size() - 1;
}

/// The library's first factor is b and its second a: c^T = b^T a^T.
void Products::prepare(Entry &entry, const std::string &where) {
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
  fillColumns(entry);
  bool canHave = canHaveEpilogue(entry, first->operation, second->operation);
  divide(entry, canHave, where);
  blas::Status status = choose(entry);
  std::string fault;
  if (status == blas::Success && entry.gradientByLibrary)
    try {
      fault = faultOfTrial(entry);
    } catch (const UserError &error) {
      fault = error.what();
    }
  if (!fault.empty())
    said.insert(joined("cuBLASLt is wrong in ", text(shape), ": ", fault));
  if (canHave && (status != blas::Success || !fault.empty())) {
    divide(entry, false, where);
    status = choose(entry);
  }
  if (status != blas::Success)
    fail(where, ": cuBLASLt has no algorithm for matmul ", text(shape), ": status ",
         int(status));
}

/// Biases have a column of c for each element, and are aligned whatever the library's heuristic
/// says. Bias gradients are of D's type, and the operand that they are of is one that lies
/// in memory as it is multiplied: what the library says of others shows when it runs.
bool Products::canHaveEpilogue(const Entry &entry, blas::Operation first,
                               blas::Operation second) const {
  const MatmulShape &shape = entry.shape;
  if (shape.summed == MatmulShape::Neither)
    return shape.bias == MatmulShape::Columns && entry.alignments[3] >= 16;
  return epilogues == EpilogueChoice::Auto && shape.result == StoredFloat::F32 &&
         entry.loops.empty() &&
         (shape.summed == MatmulShape::B ? first == blas::OpN : second == blas::OpT);
}

/// Few pieces, so that what is written and read again is little beside the matrix.
void Products::fillColumns(Entry &entry) const {
  const MatmulShape &shape = entry.shape;
  if (shape.summed == MatmulShape::Neither)
    return;
  constexpr int64_t mostPieces = 64, fewestRows = 64;
  bool ofA = shape.summed == MatmulShape::A, brain = shape.operands == StoredFloat::BF16;
  size_t m = shape.sizes.size() - 3;
  int64_t rows = shape.sizes[m + 2], columns = shape.sizes[ofA ? m : m + 1];
  int64_t leading = ofA ? shape.a[m + 1] : shape.b[m], size = sizeOf(shape.operands);
  bool wide = entry.alignments[ofA ? 0 : 1] % 16 == 0 && leading * size % 16 == 0 &&
              columns * size % 16 == 0;
  int64_t rowsOfPiece = std::max(fewestRows, (rows + mostPieces - 1) / mostPieces);
  entry.columns = {nullptr, nullptr, rows, columns, leading, rowsOfPiece, brain, wide};
}

/// Of what the library reads or writes beside the product, or partial sums.
int64_t Products::scratchOf(const Entry &entry) {
  int64_t sums = entry.shape.summed == MatmulShape::Neither ? 0
                 : entry.gradientByLibrary                  ? 1
                                                            : piecesOf(entry.columns);
  return std::max(entry.roundedBias * sizeOf(StoredFloat::BF16),
                  sums * entry.columns.columns * sizeOf(StoredFloat::F32));
}

/// What the library does beside a product, and what c begins with instead.
void Products::divide(Entry &entry, bool epilogue, const std::string &where) const {
  const MatmulShape &shape = entry.shape;
  entry.gradientByLibrary = epilogue && shape.summed != MatmulShape::Neither;
  entry.biasByLibrary = epilogue && !entry.gradientByLibrary;
  bool rounds = entry.biasByLibrary && shape.result == StoredFloat::BF16;
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

  // The library's first factor is our second.
  blas::EpilogueKind kind = entry.biasByLibrary                ? blas::EpilogueBias
                            : !entry.gradientByLibrary         ? blas::EpilogueDefault
                            : shape.summed == MatmulShape::B ? blas::EpilogueBGradA
                                                               : blas::EpilogueBGradB;
  set(entry.desc, blas::Epilogue, uint32_t(kind));
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
  run(entries[number], places, stream, memory);
}

void Products::run(const Entry &entry, const ProductPlaces &places, cuda::Stream stream,
                   const ProductMemory &memory) const {
  ProductPlaces begun = begin(entry, places, stream, memory.scratch);
  eachCall(entry, 0, begun, memory.workspace, [&](const ProductCall &m) {
    check(library().matmul(m.handle, m.desc, m.alpha, m.a, m.aLayout, m.b, m.bLayout, m.beta,
                           m.c, m.cLayout, m.d, m.dLayout, m.algorithm, m.workspace,
                           m.workspaceBytes, stream),
          "matmul");
  });
  finish(entry, places, stream, memory);
}

void Products::begin(size_t number, const ProductPlaces &places, cuda::Stream stream,
                     const ProductMemory &memory, std::vector<ProductCall> &calls) const {
  const Entry &entry = entries[number];
  calls.clear();
  eachCall(entry, 0, begin(entry, places, stream, memory.scratch), memory.workspace,
           [&](const ProductCall &call) { calls.push_back(call); });
}

void Products::finish(size_t number, const ProductPlaces &places, cuda::Stream stream,
                      const ProductMemory &memory) const {
  finish(entries[number], places, stream, memory);
}

void Products::finish(const Entry &entry, const ProductPlaces &places, cuda::Stream stream,
                      const ProductMemory &memory) const {
  if (entry.shape.summed == MatmulShape::Neither)
    return;
  auto *sums = reinterpret_cast<float *>(memory.scratch);
  int64_t count = 1;
  if (!entry.gradientByLibrary) {
    gpu::ColumnSums columns = entry.columns;
    bool isOfA = (entry.shape.summed == MatmulShape::A) != entry.shape.swapped; // of the call
    columns.matrix = reinterpret_cast<const void *>(isOfA ? places.a : places.b);
    columns.partials = sums;
    count = piecesOf(columns);
    int64_t ofBlock = gpu::sumLanes * 16 / sizeOf(entry.shape.operands);
    kernels.launchBlocks(kernels.columnSums, count * ((columns.columns + ofBlock - 1) / ofBlock),
                         stream, columns, gpu::sumWidth * sizeof(float));
  }
  kernels.launch(kernels.addPartials, entry.columns.columns, stream,
                 gpu::AddPartials{sums, reinterpret_cast<float *>(places.biasGradient),
                                  entry.columns.columns, count});
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
  if (entry.gradientByLibrary)
    set(entry.desc, blas::BiasPointer, scratch);
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
