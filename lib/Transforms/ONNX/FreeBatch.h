//===- FreeBatch.h - The dimension that a batch has in a model -------------===//

#ifndef BITPIPE_TRANSFORMS_ONNX_FREEBATCH_H
#define BITPIPE_TRANSFORMS_ONNX_FREEBATCH_H

#include "lib/Transforms/ONNX/Reader.h"

#include "llvm/ADT/StringMap.h"

namespace bitpipe {

/// The symbolic first dimension that all inputs of a model have in common, if it has no size
/// among these; empty if there is none.
std::string freeBatch(const ModelFile &file, const llvm::StringMap<int64_t> &sizes);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_ONNX_FREEBATCH_H
