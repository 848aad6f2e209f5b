//===- MatmulShares.h - A matrix product for several threads ---------------===//
//
// A product is cut where its threads read least in common and have equal parts. The
// parts are products of their own, so that rounding depends on how many there are: the
// same number gives the same bits.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CPU_MATMULSHARES_H
#define BITPIPE_RUNTIME_CPU_MATMULSHARES_H

#include "lib/Runtime/CPU/MatmulShape.h"

namespace bitpipe {

/// A part of a product: its shape, and where its operands begin in those of the whole,
/// in elements.
struct MatmulShare {
  MatmulShape shape;
  int64_t a = 0, b = 0, c = 0, bias = 0;
};

/// Cuts a product in at most `most` parts: as many as are worth a thread.
std::vector<MatmulShare> sharesOf(const MatmulShape &shape, int64_t most);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CPU_MATMULSHARES_H
