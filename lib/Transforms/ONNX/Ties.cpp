//===- Ties.cpp - Ties that exporting has cut ------------------------------===//

#include "lib/Transforms/ONNX/Node.h"
#include "lib/Transforms/ONNX/Parameters.h"

using namespace mlir;
using namespace bitpipe;

static std::unique_ptr<llvm::MemoryBuffer> map(const Payload &payload,
                                               int64_t bytes) {
  auto buffer = llvm::MemoryBuffer::getFileSlice(payload.file, bytes,
                                                 payload.offset);
  if (!buffer || int64_t((*buffer)->getBufferSize()) < bytes)
    return nullptr;
  return std::move(*buffer);
}

/// Compares in tiles, so that neither of two large matrices is read in columns.
static bool equalTransposed(const char *a, const char *b, int64_t rows,
                            int64_t columns, int64_t width) {
  constexpr int64_t tile = 64;
  for (int64_t i0 = 0; i0 < rows; i0 += tile)
    for (int64_t j0 = 0; j0 < columns; j0 += tile)
      for (int64_t i = i0; i < std::min(rows, i0 + tile); ++i)
        for (int64_t j = j0; j < std::min(columns, j0 + tile); ++j)
          if (memcmp(a + (i * columns + j) * width, b + (j * rows + i) * width,
                     width))
            return false;
  return true;
}

bool bitpipe::isTranspose(ModelFile &file, int a, int b) {
  const onnx::Tensor &ta = file.graph().initializer(a);
  const onnx::Tensor &tb = file.graph().initializer(b);
  if (a == b || ta.dims_size() != 2 || tb.dims_size() != 2 ||
      ta.dims(0) != tb.dims(1) || ta.dims(1) != tb.dims(0) ||
      ta.data_type() != tb.data_type())
    return false;
  auto type = file.type(ta);
  auto payloadA = file.payload(a), payloadB = file.payload(b);
  if (failed(type) || failed(payloadA) || failed(payloadB) || !*payloadA ||
      !*payloadB)
    return false;
  int64_t bytes = byteSize(*type);
  int64_t width = bytes / std::max<int64_t>(1, type->getNumElements());
  auto mappedA = map(**payloadA, bytes), mappedB = map(**payloadB, bytes);
  return mappedA && mappedB &&
         equalTransposed(mappedA->getBufferStart(), mappedB->getBufferStart(),
                         ta.dims(0), ta.dims(1), width);
}
