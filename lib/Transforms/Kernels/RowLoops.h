//===- RowLoops.h - Loops over rows and their columns ----------------------===//
//
// What all compute operations are built from: nests over rows, and loops over the
// columns of a row, with or without reductions. Who does which row and which columns
// is the target's: vectors of one thread (VectorRows.h), threads of a GPU
// (GPU/TeamRows.h).
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_KERNELS_ROWLOOPS_H
#define BITPIPE_TRANSFORMS_KERNELS_ROWLOOPS_H

#include "lib/Transforms/Kernels/Lanes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/Support/Alignment.h"

#include <functional>

namespace bitpipe {

/// What is computed in where elements of `stored` lie in memory: f32 for bf16.
mlir::Type computedElement(mlir::Type stored);

/// Emits code that computes on rows of one element type, a floating-point one
/// unless rows are only copied. What lies in memory as bf16 is extended when it is
/// loaded and rounded when it is stored. Values are scalars, or vectors where they hold a row's elements;
/// arithmetic takes either and broadcasts a scalar that meets a vector.
class RowEmitter {
public:
  virtual ~RowEmitter() = default;

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
  /// Likewise, of the type that it has in memory.
  mlir::Value loadStored(mlir::Value buffer, mlir::ValueRange row, Lanes lanes);
  void store(mlir::Value value, mlir::Value buffer, mlir::ValueRange row,
             Lanes lanes);
  void storeStored(mlir::Value value, mlir::Value buffer, mlir::ValueRange row, Lanes lanes);
  /// One element, of the type that is computed in.
  mlir::Value loadScalar(mlir::Value buffer, mlir::ValueRange at);
  void storeScalar(mlir::Value value, mlir::Value buffer, mlir::ValueRange at);

  /// What is loaded along rows of `buffer`, or done with what is stored there, instead of
  /// touching memory; of the type that it would have there.
  using Source = std::function<mlir::Value(mlir::ValueRange row, Lanes lanes)>;
  using Sink = std::function<void(mlir::Value value, mlir::ValueRange row, Lanes lanes)>;
  void replaceLoads(mlir::Value buffer, Source source) { sources[buffer] = std::move(source); }
  void replaceStores(mlir::Value buffer, Sink sink) { sinks[buffer] = std::move(sink); }

  /// A nest over all rows of `shape`.
  using RowBody = llvm::function_ref<void(mlir::ValueRange row)>;
  void forRows(llvm::ArrayRef<int64_t> shape, RowBody body);
  /// Likewise, over those rows that are this code's share of what `op` does.
  virtual void forDividedRows(mlir::Operation *op, llvm::ArrayRef<int64_t> shape,
                              RowBody body) = 0;
  /// What is done once for a row, by whoever it falls to.
  virtual void onceForRow(llvm::function_ref<void()> body) = 0;

  /// Calls `body` for all columns before `end`.
  virtual void forColumns(mlir::Value end, llvm::function_ref<void(Lanes)> body) = 0;
  /// Calls `body` for the columns from `begin` to `end`, one by one.
  virtual void forEachColumn(mlir::Value begin, mlir::Value end,
                             llvm::function_ref<void(mlir::Value)> body) = 0;

  /// Reduces what `body` returns for all columns before `end`, one scalar per
  /// kind. A row without columns yields the kinds' neutral elements.
  using Kind = mlir::vector::CombiningKind;
  using Terms = Values;
  virtual Terms reduceColumns(mlir::Value end, llvm::ArrayRef<Kind> kinds,
                              llvm::function_ref<Terms(Lanes)> body) = 0;

  /// Elements of a row that are taken at once here.
  int64_t lanes() const { return width; }
  /// The largest of what `body` returns for all columns before `end` (0 for -infinity, by
  /// whose distance nothing can be measured), and the sum of the exponentials of all that
  /// less the largest.
  virtual Terms sumExponentials(mlir::Value end, llvm::function_ref<mlir::Value(Lanes)> body);

  mlir::OpBuilder &builder() { return b; }
  mlir::Location location() const { return loc; }

protected:
  /// `accessed` are all buffers that load and store will see: if the last
  /// dimension of one is not contiguous, a vector is one element.
  RowEmitter(mlir::OpBuilder &builder, mlir::Location loc, mlir::Type element,
             mlir::ValueRange accessed, int64_t widest);

  /// Where vectors of a row of `buffer` are known to begin; the element's own
  /// alignment by default.
  virtual llvm::MaybeAlign alignmentOf(mlir::Value buffer) { return {}; }
  /// Emits a store, for rows that this code really does.
  virtual void emitStore(llvm::function_ref<void()> body) { body(); }
  mlir::Value neutral(Kind kind);
  mlir::Value combine(Kind kind, mlir::Value a, mlir::Value b);

private:
  mlir::Type lanesType(mlir::Type of) const;
  mlir::Type lanesType() const { return lanesType(element); }
  template <typename Op>
  mlir::Value binary(mlir::Value a, mlir::Value b);

  llvm::DenseMap<mlir::Value, Source> sources;
  llvm::DenseMap<mlir::Value, Sink> sinks;

protected:
  mlir::OpBuilder &b;
  mlir::Location loc;
  mlir::Type element;
  int64_t width;
};

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_KERNELS_ROWLOOPS_H
