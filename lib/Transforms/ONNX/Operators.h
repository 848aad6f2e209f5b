//===- Operators.h - The ONNX operators that are known ---------------------===//
//
// One entry per operator: how many inputs, what of it is not supported, the
// types of its results, and how to compute it on constants.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_ONNX_OPERATORS_H
#define BITPIPE_TRANSFORMS_ONNX_OPERATORS_H

#include "lib/Transforms/ONNX/Constant.h"
#include "lib/Transforms/ONNX/Legalize.h"
#include "lib/Transforms/ONNX/Node.h"

#include "llvm/ADT/StringMap.h"

namespace bitpipe {

class Expansion;

struct Operator {
  unsigned minInputs = 0, maxInputs = 0;

  /// Appends the types of the results; the operands have static types.
  using Infer = mlir::LogicalResult (*)(const Node &,
                                        llvm::SmallVectorImpl<mlir::Type> &);
  Infer infer = nullptr;

  /// Computes the results, which come with their types and zeros. Null for
  /// operators that never stand between constants.
  using Evaluate = mlir::LogicalResult (*)(const Node &,
                                           llvm::ArrayRef<Constant>,
                                           llvm::MutableArrayRef<Constant>);
  Evaluate evaluate = nullptr;

  /// How many of the first inputs must be constant to evaluate it.
  unsigned constantInputs = ~0u;

  /// What the node asks for that is not supported, empty if nothing.
  using Check = std::string (*)(const Node &);
  Check check = nullptr;

  /// Builds nodes of other operators that compute the same; no values where
  /// the node can stay as it is. Null for operators that have a legalisation.
  using Expand = Lowered (*)(Expansion &, const Node &);
  Expand expand = nullptr;
};

using OperatorTable = llvm::StringMap<Operator>;

/// Null if there is no such operator.
const Operator *findOperator(llvm::StringRef name);

/// Every kind of operator adds its own.
void addElementwiseOperators(OperatorTable &table);
void addShapeOperators(OperatorTable &table);
void addViewOperators(OperatorTable &table);
void addIndexingOperators(OperatorTable &table);
void addReductionOperators(OperatorTable &table);
void addMatrixOperators(OperatorTable &table);
void addSequenceOperators(OperatorTable &table);
void addActivationOperators(OperatorTable &table);
void addReductionFunctions(OperatorTable &table);
void addNormalizationFunctions(OperatorTable &table);
void addMovingOperators(OperatorTable &table);
void addPadOperator(OperatorTable &table);
void addSelectionOperators(OperatorTable &table);
void addScatterOperators(OperatorTable &table);
void addEinsumOperator(OperatorTable &table);
void addConvolutionOperators(OperatorTable &table);
void addPoolingOperators(OperatorTable &table);
void addAttentionOperator(OperatorTable &table);

/// Appends the types of the results, as `infer` does, if there can be such tensors.
mlir::LogicalResult inferTypes(const Operator &op, const Node &node,
                               llvm::SmallVectorImpl<mlir::Type> &types);

/// What of the node's attributes is not read: one that its operator does not
/// have, one of another type, or one that is missing; empty if nothing.
std::string attributeProblem(const Node &node);

/// The only result has the type of the first input.
mlir::LogicalResult inferSameAsInput(const Node &node,
                                     llvm::SmallVectorImpl<mlir::Type> &types);

/// Inputs `first` and following, broadcast; nothing (and an error) if they do
/// not fit.
std::optional<llvm::SmallVector<int64_t>> broadcastInputs(const Node &node,
                                                          unsigned first = 0);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_ONNX_OPERATORS_H
