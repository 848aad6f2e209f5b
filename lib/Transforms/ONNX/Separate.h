//===- Separate.h - Equal tensors that exporting has merged ----------------===//

#ifndef BITPIPE_TRANSFORMS_ONNX_SEPARATE_H
#define BITPIPE_TRANSFORMS_ONNX_SEPARATE_H

#include "lib/Transforms/ONNX/Signature.h"

namespace bitpipe {

/// What the file shows of parameters that are no initializers of their own.
struct Separated {
  /// Other names of an initializer: the module ties these parameters.
  llvm::StringMap<std::vector<std::string>> aliases;
  /// Initializers that serve several layers of which the file does not say
  /// whether they share them, although it lacks parameters of the module.
  llvm::StringSet<> doubtful;
};

/// Exporters merge tensors that hold the same numbers: all LayerNorm weights of
/// a fresh model become one, and so do zero-initialised projections. Where the
/// file tells which layer has which parameter, each gets its own again; and
/// weights that sit in Constant nodes become initializers.
///
/// - PyTorch's exporter lists the module's parameters. A node in the scope of
///   "b.1.c_proj" that reads "b.0.c_proj.weight" read "b.1.c_proj.weight" in the
///   module. If that parameter is listed but no initializer is, they were merged
///   or they are tied: of tied ones the last name is kept, of merged ones the
///   first.
/// - TorchScript's exporter leaves an Identity from the one that it kept.
Separated separateMerged(ModelFile &file, llvm::raw_ostream &report);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_ONNX_SEPARATE_H
