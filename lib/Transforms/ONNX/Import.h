//===- Import.h - From an ONNX file to level 0 -----------------------------===//

#ifndef BITPIPE_TRANSFORMS_ONNX_IMPORT_H
#define BITPIPE_TRANSFORMS_ONNX_IMPORT_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringMap.h"

namespace bitpipe {

struct ImportOptions {
  /// Values of symbolic dimensions (`--dim=NAME=K`).
  llvm::StringMap<int64_t> dims;
  /// Of the first dimension of all inputs, if that is one symbolic dimension without a size: it is
  /// bound to this, and its name is told. 0: every dimension has to have a size.
  int64_t batch = 0;
  std::string *batchName = nullptr;
  /// Regular expressions on parameter names; what matches both is frozen.
  std::string train, freeze;
};

/// Reads an ONNX file: one pipe.onnx_node per node, weights as pipe.parameter
/// that point into the files. Writes to `report` one line per decision that
/// the file leaves open: what is trained, restored or left out. Null, and
/// errors at the context, if the file cannot be read.
mlir::OwningOpRef<mlir::ModuleOp> importONNX(llvm::StringRef path,
                                             const ImportOptions &options,
                                             mlir::MLIRContext *context,
                                             llvm::raw_ostream &report);

/// Whether attention that pipe.attention can express becomes one.
enum class Attention { Fused, Decomposed };

/// From imported nodes to level 0, with a check at the end.
void buildONNXPipeline(mlir::OpPassManager &pm, Attention attention = Attention::Fused);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_ONNX_IMPORT_H
