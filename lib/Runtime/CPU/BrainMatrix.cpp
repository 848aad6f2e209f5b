//===- BrainMatrix.cpp - Matrices of bf16 to and from f32 ------------------===//

#include "lib/Runtime/CPU/BrainMatrix.h"

#include "lib/Files/Floats.h"
#include "lib/Runtime/CPU/Vectorised.h"

namespace bitpipe {

VECTORISED
static void widenLine(const uint16_t *__restrict from, float *__restrict to, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    to[i] = fromBrain(from[i]);
}

VECTORISED
static void narrowLine(const float *__restrict from, uint16_t *__restrict to, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    to[i] = toBrain(from[i]);
}

/// Calls `line` with the place in the matrix and in the dense copy of each line of it,
/// how many elements it has and how far apart these are in the matrix.
template <typename Line>
static void forLines(const MatrixLayout &m, const Line &line) {
  bool rows = m.isRowMajor();
  int64_t count = rows ? m.rows : m.columns, length = rows ? m.columns : m.rows;
  int64_t stride = rows ? m.rowStride : m.columnStride;
  int64_t step = rows ? m.columnStride : m.rowStride;
  for (int64_t i = 0; i < count; ++i)
    line(i * stride, i * length, length, step);
}

void widen(const MatrixLayout &layout, const uint16_t *matrix, float *dense) {
  forLines(layout, [&](int64_t from, int64_t to, int64_t length, int64_t step) {
    if (step == 1)
      return widenLine(matrix + from, dense + to, length);
    for (int64_t j = 0; j < length; ++j)
      dense[to + j] = fromBrain(matrix[from + j * step]);
  });
}

void narrow(const MatrixLayout &layout, const float *dense, uint16_t *matrix) {
  forLines(layout, [&](int64_t to, int64_t from, int64_t length, int64_t step) {
    if (step == 1)
      return narrowLine(dense + from, matrix + to, length);
    for (int64_t j = 0; j < length; ++j)
      matrix[to + j * step] = toBrain(dense[from + j]);
  });
}

} // namespace bitpipe
