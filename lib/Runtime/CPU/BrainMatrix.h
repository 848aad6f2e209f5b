//===- BrainMatrix.h - Matrices of bf16 to and from f32 --------------------===//
//
// What products of bf16 are made of where the processor multiplies f32 only.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CPU_BRAINMATRIX_H
#define BITPIPE_RUNTIME_CPU_BRAINMATRIX_H

#include <cstdint>

namespace bitpipe {

/// A matrix in memory; strides in elements.
struct MatrixLayout {
  int64_t rows, columns, rowStride, columnStride;

  int64_t elements() const { return rows * columns; }
  /// Whether a dense copy has its rows one behind the other, or its columns: as
  /// the matrix itself, which is then read in order.
  bool isRowMajor() const { return columnStride == 1 || rowStride != 1; }
  /// The strides of such a copy.
  MatrixLayout dense() const {
    return isRowMajor() ? MatrixLayout{rows, columns, columns, 1}
                        : MatrixLayout{rows, columns, 1, rows};
  }
};

/// Writes the elements of a matrix of bf16 densely.
void widen(const MatrixLayout &layout, const uint16_t *matrix, float *dense);

/// Rounds a dense copy back into the matrix.
void narrow(const MatrixLayout &layout, const float *dense, uint16_t *matrix);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CPU_BRAINMATRIX_H
