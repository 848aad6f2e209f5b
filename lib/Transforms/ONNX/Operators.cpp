//===- Operators.cpp - The ONNX operators that are known -------------------===//

#include "lib/Transforms/ONNX/Operators.h"

using namespace mlir;
using namespace bitpipe;

const Operator *bitpipe::findOperator(StringRef name) {
  static const OperatorTable table = [] {
    OperatorTable table;
    addElementwiseOperators(table);
    addShapeOperators(table);
    addViewOperators(table);
    addIndexingOperators(table);
    addReductionOperators(table);
    addMatrixOperators(table);
    addSequenceOperators(table);
    addActivationOperators(table);
    addReductionFunctions(table);
    addNormalizationFunctions(table);
    addMovingOperators(table);
    addPadOperator(table);
    addSelectionOperators(table);
    addScatterOperators(table);
    addEinsumOperator(table);
    addConvolutionOperators(table);
    addPoolingOperators(table);
    addAttentionOperator(table);
    return table;
  }();
  auto found = table.find(name);
  return found == table.end() ? nullptr : &found->second;
}

LogicalResult bitpipe::inferTypes(const Operator &op, const Node &node,
                                  SmallVectorImpl<Type> &types) {
  if (failed(op.infer(node, types)))
    return failure();
  for (Type type : types)
    if (auto tensor = dyn_cast<RankedTensorType>(type);
        tensor && !countElements(tensor.getShape()))
      return node.error() << "its result is " << tensor
                          << ", expected at most 2^40 elements";
  return success();
}

LogicalResult bitpipe::inferSameAsInput(const Node &node,
                                        SmallVectorImpl<Type> &types) {
  types.push_back(node.inputType(0));
  return success();
}

std::optional<SmallVector<int64_t>>
bitpipe::broadcastInputs(const Node &node, unsigned first) {
  SmallVector<int64_t> shape;
  for (unsigned i = first; i < node.numInputs(); ++i) {
    auto both = broadcastShapes(shape, node.inputShape(i));
    if (!both) {
      node.error() << "inputs of " << node.inputType(first) << " and "
                   << node.inputType(i) << " cannot be broadcast together";
      return std::nullopt;
    }
    shape = *both;
  }
  return shape;
}
