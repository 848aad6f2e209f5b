//===- MatmulStart.h - What c holds before a product is added to it -------===//
//
// A residual, and a bias that oneDNN cannot add itself, are written to c first;
// the product then accumulates. One pass over c that is still in the cache, and
// none of the library's operations after the product, which not all of its
// implementations do right on strided tensors.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CPU_MATMULSTART_H
#define BITPIPE_RUNTIME_CPU_MATMULSTART_H

#include "lib/Runtime/CPU/MatmulShape.h"

namespace bitpipe {

class MatmulStart {
public:
  explicit MatmulStart(const MatmulShape &shape);

  /// The library adds its own bias before it scales, and per column only. Where the
  /// product is added to c, too, its gemm needs a copy of c.
  static bool biasByLibrary(const MatmulShape &shape) {
    return shape.bias == MatmulShape::Columns && shape.alpha == 1 && !shape.residual &&
           !shape.accumulate;
  }
  /// Whether the product is added to c, by the call or because of the start.
  static bool accumulates(const MatmulShape &shape) {
    return shape.accumulate || needed(shape);
  }

  /// Writes the start into c, which is of the type of the result, as the residual
  /// is; either of the others may be null.
  void write(void *c, const float *bias, const void *residual) const;

private:
  static bool needed(const MatmulShape &shape) {
    return shape.residual ||
           (shape.bias != MatmulShape::None && !biasByLibrary(shape));
  }

  void writeFloats(float *c, const float *bias, const float *residual) const;
  void writeBrain(uint16_t *c, const float *bias, const uint16_t *residual) const;

  bool active, keep;
  StoredFloat result;
  MatmulShape::Bias bias;
  int64_t rowsPerMatrix, columns;
  std::vector<int64_t> rows; // where every row of c begins
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CPU_MATMULSTART_H
