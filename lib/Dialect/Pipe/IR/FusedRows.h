//===- FusedRows.h - What may be computed row by row together --------------===//
//
// The rules of pipe.fused_rows, for its verifier and for whoever makes one. Operations
// of linalg are known by their names and attributes here: the dialect links none but
// MLIR's IR.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_DIALECT_PIPE_IR_FUSEDROWS_H
#define BITPIPE_DIALECT_PIPE_IR_FUSEDROWS_H

#include "mlir/IR/AffineMap.h"
#include "mlir/IR/Operation.h"

#include <optional>
#include <string>

namespace bitpipe::pipe {

/// The operands that a row operation walks along rows together with its first result;
/// none of an operation that is no row operation, or that stores a row's elements before
/// it has read them for the last time.
llvm::ArrayRef<unsigned> walkedOperands(mlir::Operation *op);

/// What elements lie in memory as is computed in this type: f32 for bf16.
mlir::Type computedIn(mlir::Type element);

/// What keeps `op` from being computed elementwise along rows of `shape` in the type
/// `element`; nothing if it is such a linalg.generic.
std::optional<std::string> whyNotElementwise(mlir::Operation *op, llvm::ArrayRef<int64_t> shape,
                                             mlir::Type element);

/// By what a linalg.generic indexes an operand.
mlir::AffineMap indexingMap(mlir::OpOperand &operand);

} // namespace bitpipe::pipe

#endif // BITPIPE_DIALECT_PIPE_IR_FUSEDROWS_H
