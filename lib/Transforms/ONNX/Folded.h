//===- Folded.h - Tensors that an exporter made of parameters --------------===//

#ifndef BITPIPE_TRANSFORMS_ONNX_FOLDED_H
#define BITPIPE_TRANSFORMS_ONNX_FOLDED_H

#include "lib/Transforms/ONNX/Reader.h"
#include "lib/Transforms/ONNX/Signature.h"

namespace bitpipe {

/// An optimiser that computes ahead what depends on parameters alone leaves its result in
/// their place. Trained like a parameter, that is the module's training only if it holds each
/// number of one parameter at most once: in another layout, or some of its rows. PyTorch calls a
/// result by the last operation that made it ("permute_2"), and lists what it was made of.
///
/// Why the tensor is none of these, as far as names and numbers tell; empty if nothing speaks
/// against it.
std::string whyNotMoved(ModelFile &file, const Signature &signature, int initializer);

/// The operation of which names do not tell whether it has computed the numbers of a tensor that is
/// moved otherwise, or which rows of a parameter it holds; empty if there is none.
std::string whatMayCompute(const Signature &signature, llvm::StringRef initializer);

/// Whether some numbers that follow each other in one tensor do in the other, too, and are not the
/// same number again: then a part of a parameter is in both.
bool shareNumbers(ModelFile &file, int one, int other);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_ONNX_FOLDED_H
