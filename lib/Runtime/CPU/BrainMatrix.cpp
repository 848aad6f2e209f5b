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

namespace {
/// A matrix as lines of the dense copy.
struct Lines {
  int64_t count, length, stride, step;

  explicit Lines(const MatrixLayout &m)
      : count(m.isRowMajor() ? m.rows : m.columns),
        length(m.isRowMajor() ? m.columns : m.rows),
        stride(m.isRowMajor() ? m.rowStride : m.columnStride),
        step(m.isRowMajor() ? m.columnStride : m.rowStride) {}
};
} // namespace

void widen(const MatrixLayout &layout, const uint16_t *matrix, float *dense) {
  Lines lines(layout);
  for (int64_t i = 0; i < lines.count; ++i) {
    const uint16_t *line = matrix + i * lines.stride;
    float *to = dense + i * lines.length;
    if (lines.step == 1)
      widenLine(line, to, lines.length);
    else
      for (int64_t j = 0; j < lines.length; ++j)
        to[j] = fromBrain(line[j * lines.step]);
  }
}

void narrow(const MatrixLayout &layout, const float *dense, uint16_t *matrix) {
  Lines lines(layout);
  for (int64_t i = 0; i < lines.count; ++i) {
    const float *from = dense + i * lines.length;
    uint16_t *line = matrix + i * lines.stride;
    if (lines.step == 1)
      narrowLine(from, line, lines.length);
    else
      for (int64_t j = 0; j < lines.length; ++j)
        line[j * lines.step] = toBrain(from[j]);
  }
}

} // namespace bitpipe
