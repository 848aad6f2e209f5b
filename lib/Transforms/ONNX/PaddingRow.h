//===- PaddingRow.h - A row that PyTorch keeps without gradient ------------===//

#ifndef BITPIPE_TRANSFORMS_ONNX_PADDINGROW_H
#define BITPIPE_TRANSFORMS_ONNX_PADDINGROW_H

#include "lib/Transforms/ONNX/Reader.h"

namespace bitpipe {

/// An Embedding's padding_idx is in no ONNX file but those of this project's
/// exporter. Where a table's row at one of the usual places (the first four and the
/// last) is the only one there that holds zeros and nothing else, as PyTorch
/// initialises it, this is that row. Nothing if there is none, or if the initializer
/// is no matrix of floats or cannot be read.
std::optional<int64_t> findPaddingRow(ModelFile &file, int initializer);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_ONNX_PADDINGROW_H
