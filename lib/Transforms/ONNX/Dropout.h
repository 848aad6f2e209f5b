//===- Dropout.h - What an ONNX Dropout asks for ---------------------------===//

#ifndef BITPIPE_TRANSFORMS_ONNX_DROPOUT_H
#define BITPIPE_TRANSFORMS_ONNX_DROPOUT_H

#include "lib/Transforms/ONNX/Node.h"

namespace bitpipe {

/// Whether the node hands on its input as it is: it is not in training mode, or
/// its ratio is 0.
bool dropsNothing(const Node &node);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_ONNX_DROPOUT_H
