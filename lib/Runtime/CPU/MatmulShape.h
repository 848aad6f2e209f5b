//===- MatmulShape.h - A matrix product in the form that suits oneDNN -----===//

#ifndef BITPIPE_RUNTIME_CPU_MATMULSHAPE_H
#define BITPIPE_RUNTIME_CPU_MATMULSHAPE_H

#include "lib/Runtime/CPU/BrainMatrix.h"
#include "lib/Runtime/Plan/Program.h"

namespace bitpipe {

/// As few batch dimensions as possible, rows of c contiguous.
struct MatmulShape {
  std::vector<int64_t> sizes; // batch..., m, n, k
  std::vector<int64_t> a, b, c;
  /// Batch dimensions over which the same a or b is used again, as loops around
  /// the primitive: some of oneDNN's implementations go wrong there.
  struct Loop {
    int64_t size, a, b, c;
    auto operator<=>(const Loop &) const = default;
  };
  std::vector<Loop> loops;
  double alpha;
  bool accumulate, residual;
  enum Bias { None, Columns, Rows } bias;
  bool swapped; // a and b of the call are exchanged: c^T = b^T a^T
  enum Summed { Neither, A, B } summed; // into a bias gradient
  StoredFloat operands, result; // f32 or bf16; see MatmulCall

  auto operator<=>(const MatmulShape &) const = default;
};

/// Chooses the form of a call.
MatmulShape shapeOf(const MatmulCall &call);

/// One matrix of every operand.
struct MatmulMatrices {
  MatrixLayout a, b, c;
};
MatmulMatrices matricesOf(const MatmulShape &shape);

/// The form of one matrix of a product of bf16 after its operands have been copied
/// densely as f32; what is added to c in the beginning is there already.
MatmulShape widened(const MatmulShape &shape);

/// "256x512x2048", with the batch in front, and "bf16" behind.
std::string text(const MatmulShape &shape);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CPU_MATMULSHAPE_H
