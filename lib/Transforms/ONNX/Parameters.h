//===- Parameters.h - Which initializers are trained -----------------------===//

#ifndef BITPIPE_TRANSFORMS_ONNX_PARAMETERS_H
#define BITPIPE_TRANSFORMS_ONNX_PARAMETERS_H

#include "lib/Transforms/ONNX/Import.h"
#include "lib/Transforms/ONNX/Reader.h"

namespace bitpipe {

/// What becomes of an initializer.
struct Initializer {
  bool trained = false;
  /// A parameter that the user keeps from being trained.
  bool frozen = false;
  /// The index of the initializer whose transpose it is, or -1. Then it is
  /// not a parameter of its own.
  int transposeOf = -1;
};

/// Decides for every initializer; reports each decision that the file leaves
/// open, and what is left untrained. Fails on a wrong regular expression.
mlir::FailureOr<std::vector<Initializer>>
identifyParameters(ModelFile &file, const ImportOptions &options,
                   llvm::raw_ostream &report);

/// Whether both are matrices in files and one holds the other's transpose.
bool isTranspose(ModelFile &file, int a, int b);

/// The strings in a list that Python printed: "['a', 'b']".
std::vector<std::string> parseList(llvm::StringRef text);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_ONNX_PARAMETERS_H
