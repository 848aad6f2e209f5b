//===- RowLoops.h - Vector loops over the last dimension -------------------===//
//
// What all compute operations are built from: nests over rows, and vector
// loops over the columns of a row, with or without reductions.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_KERNELS_ROWLOOPS_H
#define BITPIPE_TRANSFORMS_KERNELS_ROWLOOPS_H

#include "lib/Transforms/Kernels/Lanes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Builders.h"

namespace bitpipe {

/// What is computed in where elements of `stored` lie in memory: f32 for bf16.
mlir::Type computedElement(mlir::Type stored);

/// Emits code that computes on rows of one element type, a floating-point one
/// unless rows are only copied. What lies in memory as bf16 is extended when it is
/// loaded and rounded when it is stored. Values are scalars, or vectors where they hold a row's elements;
/// arithmetic takes either and broadcasts a scalar that meets a vector.
class RowEmitter {
public:
  /// `accessed` are all buffers that load and store will see: if the last
  /// dimension of one is not contiguous, a vector is one element.
  RowEmitter(mlir::OpBuilder &builder, mlir::Location loc, mlir::Type element,
             mlir::ValueRange accessed);

  mlir::Value index(int64_t value);
  mlir::Value number(double value);
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value sub(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, mlir::Value b);
  mlir::Value div(mlir::Value a, mlir::Value b);
  mlir::Value exp(mlir::Value a);
  mlir::Value log(mlir::Value a);
  mlir::Value sqrt(mlir::Value a);
  /// The scalar `a`, or `otherwise` where it equals `special`.
  mlir::Value replace(mlir::Value a, double special, double otherwise);

  mlir::Value load(mlir::Value buffer, mlir::ValueRange row, Lanes lanes);
  void store(mlir::Value value, mlir::Value buffer, mlir::ValueRange row,
             Lanes lanes);
  /// One element, of the type that is computed in.
  mlir::Value loadScalar(mlir::Value buffer, mlir::ValueRange at);
  void storeScalar(mlir::Value value, mlir::Value buffer, mlir::ValueRange at);

  /// A nest over all rows of `shape`.
  using RowBody = llvm::function_ref<void(mlir::ValueRange row)>;
  void forRows(llvm::ArrayRef<int64_t> shape, RowBody body);
  /// Likewise, over those that a call of the kernel of `op` does (Divide.h).
  void forDividedRows(mlir::Operation *op, llvm::ArrayRef<int64_t> shape, RowBody body);

  /// Calls `body` for all columns before `end`.
  void forColumns(mlir::Value end, llvm::function_ref<void(Lanes)> body);
  /// Calls `body` for the columns of `range`, which begins with a whole vector.
  void forColumns(Interval range, llvm::function_ref<void(Lanes)> body);
  /// Those of all `columns` that a call of the kernel of `op` does.
  Interval dividedColumns(mlir::Operation *op, int64_t columns);

  /// Reduces what `body` returns for all columns before `end`, one scalar per
  /// kind. A row without columns yields the kinds' neutral elements.
  using Kind = mlir::vector::CombiningKind;
  using Terms = Values;
  Terms reduceColumns(mlir::Value end, llvm::ArrayRef<Kind> kinds,
                      llvm::function_ref<Terms(Lanes)> body);

  mlir::OpBuilder &builder() { return b; }
  mlir::Location location() const { return loc; }

private:
  mlir::Type lanesType(mlir::Type of) const;
  mlir::Type lanesType() const { return lanesType(element); }
  mlir::Value neutral(Kind kind);
  mlir::Value combine(Kind kind, mlir::Value a, mlir::Value b);
  template <typename Op>
  mlir::Value binary(mlir::Value a, mlir::Value b);

  mlir::OpBuilder &b;
  mlir::Location loc;
  mlir::Type element;
  int64_t width;
};

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_KERNELS_ROWLOOPS_H
