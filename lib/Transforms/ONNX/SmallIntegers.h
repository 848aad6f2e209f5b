//===- SmallIntegers.h - Integers of 8 and 16 bits -------------------------===//

#ifndef BITPIPE_TRANSFORMS_ONNX_SMALLINTEGERS_H
#define BITPIPE_TRANSFORMS_ONNX_SMALLINTEGERS_H

#include "lib/Transforms/ONNX/Reader.h"

namespace bitpipe {

/// Integers of 8 and 16 bits, and unsigned ones of 32, are held in wider types
/// (see isWidened). That is exact for casts, comparisons and moves; reports
/// every node that computes with them, where they could wrap around.
mlir::LogicalResult checkSmallIntegers(ModelFile &file);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_ONNX_SMALLINTEGERS_H
