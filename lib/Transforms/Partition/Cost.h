//===- Cost.h - What an operation costs ------------------------------------===//
//
// Partitioning sees costs through CostModel only, so that measured times can
// take the place of counted operations.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_PARTITION_COST_H
#define BITPIPE_TRANSFORMS_PARTITION_COST_H

#include "mlir/IR/Operation.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace bitpipe {

/// The cost of an operation, or of many, in the three kinds of pass.
struct Cost {
  double forward = 0;
  double inputGradient = 0;
  double weightGradient = 0;

  double total() const { return forward + inputGradient + weightGradient; }
  Cost &operator+=(const Cost &other);
};

/// What training needs to know of an operand.
enum class GradientOf { Nothing, Activation, Parameter };

/// Costs of operations of the forward function and of their gradients.
class CostModel {
public:
  virtual ~CostModel() = default;

  /// The cost of `op`; `needs` tells which operands want a gradient.
  virtual Cost
  cost(mlir::Operation *op,
       llvm::function_ref<GradientOf(mlir::Value)> needs) const = 0;
};

/// Counts: a contraction costs 2mnk, and as much again for each operand that
/// wants a gradient; an attention costs the products that its band needs;
/// everything else costs its arithmetic and its traffic, since memory and not
/// arithmetic bounds it. The unit is one floating-point operation of a contraction.
class CountedCost : public CostModel {
public:
  Cost cost(mlir::Operation *op,
            llvm::function_ref<GradientOf(mlir::Value)> needs) const override;
};

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_PARTITION_COST_H
