//===- WireFormat.h - Where initializers lie in an ONNX file ---------------===//
//
// protobuf hands out copies; to point into the file instead, this walks the
// encoding itself, down to the data fields of the graph's initializers.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_ONNX_WIREFORMAT_H
#define BITPIPE_TRANSFORMS_ONNX_WIREFORMAT_H

#include "llvm/ADT/StringRef.h"
#include <vector>

namespace bitpipe {

/// The offset of the dense data of each initializer in `file`, in order; -1
/// where there is none in one piece. The file must have parsed as a model.
std::vector<int64_t> initializerOffsets(llvm::StringRef file);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_ONNX_WIREFORMAT_H
