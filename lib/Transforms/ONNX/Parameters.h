//===- Parameters.h - Which initializers are trained -----------------------===//

#ifndef BITPIPE_TRANSFORMS_ONNX_PARAMETERS_H
#define BITPIPE_TRANSFORMS_ONNX_PARAMETERS_H

#include "lib/Transforms/ONNX/Import.h"
#include "lib/Transforms/ONNX/Reader.h"

namespace bitpipe {

/// What becomes of an initializer.
struct Initializer {
  bool trained = false;
  /// A parameter that is not trained: because the user says so, or because
  /// nothing reads it.
  bool frozen = false;
  /// The index of the initializer whose transpose it is, or -1. Then it is
  /// not a parameter of its own.
  int transposeOf = -1;
  /// Further names that the model has for it.
  std::vector<std::string> aliases;
};

/// Decides for every initializer; reports each decision that the file leaves
/// open, and what is left untrained. Gives merged tensors back to their layers
/// first. Fails on a regular expression that is wrong or matches nothing.
mlir::FailureOr<std::vector<Initializer>>
identifyParameters(ModelFile &file, const ImportOptions &options,
                   llvm::raw_ostream &report);

/// Whether both are matrices in files and one holds the other's transpose.
bool isTranspose(ModelFile &file, int a, int b);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_ONNX_PARAMETERS_H
