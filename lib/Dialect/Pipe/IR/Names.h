//===- Names.h - What a location is called ---------------------------------===//

#ifndef BITPIPE_DIALECT_PIPE_IR_NAMES_H
#define BITPIPE_DIALECT_PIPE_IR_NAMES_H

#include "mlir/IR/Location.h"

namespace bitpipe {

/// The innermost name of a location, that of the ONNX node; empty if it has none.
inline llvm::StringRef innermostName(mlir::Location loc) {
  llvm::StringRef name;
  loc->walk([&](mlir::Location inner) {
    if (auto named = llvm::dyn_cast<mlir::NameLoc>(inner))
      name = named.getName().getValue();
    return mlir::WalkResult::advance();
  });
  return name;
}

} // namespace bitpipe

#endif // BITPIPE_DIALECT_PIPE_IR_NAMES_H
