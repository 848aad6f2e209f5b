//===- Destinations.h - Where the results of a function are computed -------===//
//
// Chooses the place of every tensor a function computes, before any code is
// made: results go straight into their blocks, pieces of a concatenation
// straight into the whole, and an operation may overwrite an operand that dies
// with it.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_LOWER_DESTINATIONS_H
#define BITPIPE_TRANSFORMS_LOWER_DESTINATIONS_H

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Transforms/Lower/Memory.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace bitpipe::lower {

class Destinations {
public:
  Destinations(mlir::func::FuncOp function, Memory &memory);

  /// Asks that `value` be computed at `place`. False if it cannot be: it is an
  /// argument, or has another place already.
  bool request(mlir::Value value, Place place);
  /// Asks for room in a block for the tensor of which `value` is a view,
  /// unless it has a place in a block already.
  void keep(mlir::Value value, RoutineBlock block);
  /// Chooses a place for everything else.
  void assignRest();

  /// The place of what a computing operation produces; null if none.
  const Place *lookup(mlir::Value value) const;
  /// The last operation that uses the value or a view of it.
  mlir::Operation *lastUser(mlir::Value value) const;

private:
  void findLastUsers();
  void assign(mlir::Operation *op);
  void assignConcat(mlir::tensor::ConcatOp op);
  void assignInsert(mlir::tensor::InsertSliceOp op);
  void assignCollapse(mlir::Operation *op);
  void assignComputed(mlir::DestinationStyleOpInterface op);
  void reuseInit(mlir::DestinationStyleOpInterface op, unsigned i);
  void reuseInput(mlir::DestinationStyleOpInterface op, unsigned i);
  void reuseFused(pipe::FusedRowsOp op, unsigned i);
  bool diesAt(mlir::Value value, mlir::Operation *op) const;
  mlir::Value root(mlir::Value value) const;
  Place placeFor(mlir::Value result);

  mlir::func::FuncOp function;
  Memory &memory;
  llvm::DenseMap<mlir::Value, Place> places;
  llvm::DenseMap<mlir::Value, mlir::Operation *> lastUsers; // by root
};

} // namespace bitpipe::lower

#endif // BITPIPE_TRANSFORMS_LOWER_DESTINATIONS_H
