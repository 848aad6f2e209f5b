//===- ForwardGraph.h - What a cut may do with each operation --------------===//
//
// Sorts the operations of the forward function: *nodes* belong to exactly one
// stage; all others are cheap and are cloned into every stage that needs them.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_PARTITION_FORWARDGRAPH_H
#define BITPIPE_TRANSFORMS_PARTITION_FORWARDGRAPH_H

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Transforms/Partition/Cost.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"

namespace bitpipe {

/// The function to cut, or nothing after an error.
mlir::func::FuncOp findForward(mlir::ModuleOp module, pipe::ModelOp model);

/// Every value an operation reads, those captured by its regions included.
llvm::SmallVector<mlir::Value> usedValues(mlir::Operation *op);

/// The forward function, analysed. Operations that the loss does not depend on
/// are left out.
class ForwardGraph {
public:
  /// Reports and returns failure where the function cannot be cut at all.
  static mlir::FailureOr<ForwardGraph> analyse(mlir::func::FuncOp forward,
                                               const CostModel &model,
                                               unsigned stages);

  /// The nodes in program order.
  llvm::ArrayRef<mlir::Operation *> nodes() const { return nodeList; }
  /// All operations that the loss depends on, in program order.
  llvm::ArrayRef<mlir::Operation *> operations() const { return live; }
  mlir::Value loss() const { return lossValue; }
  /// The place of an operation in operations().
  unsigned position(mlir::Operation *op) const { return positions.at(op); }
  /// The place of an operation in nodes(), or nothing for all others.
  std::optional<unsigned> nodeIndex(mlir::Operation *op) const;
  /// The value whose bytes `op` shows in another form, when op is a view.
  mlir::Value viewed(mlir::Operation *op) const { return views.lookup(op); }
  /// Whether a value has a gradient, and whose.
  GradientOf gradientOf(mlir::Value value) const;
  const Cost &cost(mlir::Operation *op) const { return costs.at(op); }

private:
  bool isFree(mlir::Operation *op) const;
  mlir::LogicalResult collect(mlir::func::FuncOp forward);
  void findGradients();
  void findCosts(const CostModel &model);
  void findNodes(unsigned stages);

  mlir::Value lossValue;
  llvm::SmallVector<mlir::Operation *> live;
  llvm::SmallVector<mlir::Operation *> nodeList;
  llvm::DenseMap<mlir::Operation *, unsigned> positions;
  llvm::DenseMap<mlir::Operation *, unsigned> nodeIndices;
  llvm::DenseMap<mlir::Operation *, mlir::Value> views;
  llvm::DenseMap<mlir::Operation *, Cost> costs;
  llvm::DenseMap<mlir::Value, GradientOf> gradients;
};

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_PARTITION_FORWARDGRAPH_H
