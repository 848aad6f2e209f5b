//===- Signature.h - What an exporter says of a module's parameters --------===//

#ifndef BITPIPE_TRANSFORMS_ONNX_SIGNATURE_H
#define BITPIPE_TRANSFORMS_ONNX_SIGNATURE_H

#include "lib/Transforms/ONNX/Reader.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

namespace bitpipe {

/// The parameters of the module that a file was exported from, as far as it
/// says so: by the list of this project's exporter, by the signature that
/// PyTorch's exporter leaves in the graph's metadata, and by its marks on
/// initializers.
class Signature {
public:
  explicit Signature(const ModelFile &file);

  /// The names that this project's exporter lists, if it made the file.
  const std::optional<llvm::StringSet<>> &ownList() const { return own; }
  /// Those that the module does not train, in the same file.
  const llvm::StringSet<> &frozen() const { return frozenNames; }
  /// The names of what the module ties to an initializer, in the same file.
  std::vector<std::string> aliasesOf(llvm::StringRef initializer) const;
  /// The module's parameters and their order; empty if the file has none.
  const llvm::StringMap<int> &parameters() const { return order; }
  bool hasMarks() const { return marks; }

  /// PyTorch's mark on an initializer: PARAMETER, BUFFER, ...; or empty.
  llvm::StringRef kindOf(llvm::StringRef initializer) const;
  /// What an initializer was computed from by the exporter's optimiser.
  std::vector<std::string> foldedFrom(llvm::StringRef initializer) const;
  /// The parameter that an initializer is, or the first that it was computed
  /// from; empty if there is none.
  std::string parameterOf(llvm::StringRef initializer) const;

  /// Marks a tensor that is made from another one.
  static void mark(onnx::ValueInfo &info, llvm::StringRef parameter, bool folded);

  /// Whether the module has a parameter of that name, as far as the file tells.
  bool isParameterName(llvm::StringRef name) const;
  /// Whether the module has a buffer or a constant of that name.
  bool isConstantName(llvm::StringRef name) const { return constants.contains(name); }

private:
  std::optional<llvm::StringSet<>> own;
  llvm::StringSet<> frozenNames;
  llvm::StringMap<std::vector<std::string>> aliases;
  llvm::StringMap<int> order;
  llvm::StringSet<> constants;
  llvm::StringMap<const onnx::ValueInfo *> infos;
  bool marks = false;
};

/// The scopes of a node in the module, outermost first, as PyTorch's exporter
/// notes them: "", "transformer", "transformer.h.0".
std::vector<std::string> scopesOf(const onnx::Node &node);

/// The strings in a list that Python printed: "['a', 'b']".
std::vector<std::string> parseList(llvm::StringRef text);

/// "'a', 'b' and 3 more".
std::string someOf(llvm::ArrayRef<std::string> names, size_t most = 4);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_ONNX_SIGNATURE_H
