//===- GradientSums.h - Gradients while they are summed up -----------------===//
//
// A value's gradient is the sum of what each of its uses contributes. Uses
// come in reverse order; the sum is built when all have been seen, so that
// contractions and reductions can add to what is there instead of making a
// tensor of their own.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_AUTODIFF_GRADIENTSUMS_H
#define BITPIPE_TRANSFORMS_AUTODIFF_GRADIENTSUMS_H

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"

namespace bitpipe {

class GradientSums {
public:
  /// Builds an operation that adds a contribution to `into`; gives the sum.
  using Accumulation =
      std::function<mlir::Value(mlir::OpBuilder &, mlir::Value into)>;

  /// `active` holds the values whose gradients are wanted.
  explicit GradientSums(llvm::DenseSet<mlir::Value> active)
      : active(std::move(active)) {}

  bool needs(mlir::Value value) const { return active.contains(value); }
  /// Whether something was added that is not in the sum yet.
  bool isPending(mlir::Value value) const;

  /// Adds a tensor.
  void add(mlir::Value value, mlir::Value gradient);
  /// Adds a tensor at the place of a slice, zero elsewhere.
  void addSlice(mlir::tensor::ExtractSliceOp slice, mlir::Value gradient);
  /// Adds what an operation accumulates into its destination.
  void accumulate(mlir::Value value, Accumulation contribution);

  /// Lets the sum of a value start from `sum`, such as the sum over earlier
  /// micro-batches. `started` gives it with what was added in place since,
  /// null for values that were not started.
  void start(mlir::Value value, mlir::Value sum);
  mlir::Value started(mlir::Value value) const;

  /// The sum of all contributions; null if there are none.
  mlir::Value finish(mlir::OpBuilder &builder, mlir::Value value);

private:
  struct Sum {
    mlir::Value start;
    llvm::SmallVector<mlir::Value> terms;
    llvm::SmallVector<std::pair<mlir::tensor::ExtractSliceOp, mlir::Value>> slices;
    llvm::SmallVector<Accumulation> accumulations;
  };
  llvm::DenseSet<mlir::Value> active;
  llvm::DenseMap<mlir::Value, Sum> sums;
};

/// One elementwise operation that adds the terms up; into `start` if it is
/// not null.
mlir::Value addTerms(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value start,
                     llvm::ArrayRef<mlir::Value> terms);

/// A destination whose contents do not matter, and one of zeros.
mlir::Value emptyTensor(mlir::OpBuilder &builder, mlir::Location loc,
                        mlir::Type type);
mlir::Value zeroTensor(mlir::OpBuilder &builder, mlir::Location loc,
                       mlir::Type type);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_AUTODIFF_GRADIENTSUMS_H
