//===- Computed.h - Constants that were computed, not learned --------------===//

#ifndef BITPIPE_TRANSFORMS_ONNX_COMPUTED_H
#define BITPIPE_TRANSFORMS_ONNX_COMPUTED_H

#include "lib/Transforms/ONNX/Uses.h"

namespace bitpipe {

/// In a file that does not say what is a parameter: why a float tensor is none,
/// by its name, its use and its numbers ("mask", "sines"); empty if it may well
/// be one. Fails if its numbers cannot be read.
mlir::FailureOr<std::string> computedReason(ModelFile &file, int initializer,
                                            const Use &use);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_ONNX_COMPUTED_H
