//===- FoldNodes.cpp - Shapes and constants --------------------------------===//
//
// One walk in program order: a node whose operands are constant is computed,
// any other gets the types of its results. The two must go together, because
// shapes are often computed by nodes.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/ONNX/Constant.h"
#include "lib/Transforms/ONNX/Dropout.h"
#include "lib/Transforms/ONNX/Expansion.h"
#include "lib/Transforms/ONNX/Operators.h"
#include "lib/Transforms/ONNX/Passes.h"
#include "lib/Transforms/ONNX/Sequences.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringSwitch.h"

namespace bitpipe {
#define GEN_PASS_DEF_FOLDNODES
#include "lib/Transforms/ONNX/Passes.h.inc"
} // namespace bitpipe

using namespace mlir;
using namespace bitpipe;

namespace {

class FunctionFolder {
public:
  FunctionFolder(ParameterReader &parameters) : parameters(parameters) {}

  LogicalResult run(func::FuncOp function);

private:
  LogicalResult visit(const Node &node);
  FailureOr<bool> evaluate(const Node &node, const Operator &op);
  FailureOr<bool> evaluateExpanded(const Node &node);
  FailureOr<std::optional<SmallVector<Constant>>>
  constantInputs(const Node &node, const Operator &op);

  ParameterReader &parameters;
  Sequences sequences;
};

/// Nodes that hand on their first input as it is.
bool isPassThrough(const Node &node) {
  if (node.kind() == "Identity")
    return true;
  if (node.kind() == "Dropout")
    return dropsNothing(node);
  bool casts = node.kind() == "Cast" || node.kind() == "CastLike";
  bool shapes = node.kind() == "Reshape" || node.kind() == "Expand";
  return (casts || shapes) && node.resultType() == node.inputType(0);
}

/// The first input for the result; the mask of a Dropout keeps everything.
void handOn(const Node &node) {
  node.result().replaceAllUsesWith(node.input(0));
  for (Value mask : node.getOp().getResults().drop_front()) {
    OpBuilder b(node.getOp());
    auto all = DenseElementsAttr::get(cast<RankedTensorType>(mask.getType()),
                                      true);
    mask.replaceAllUsesWith(arith::ConstantOp::create(b, node.loc(), all));
  }
}

FailureOr<std::optional<SmallVector<Constant>>>
FunctionFolder::constantInputs(const Node &node, const Operator &op) {
  SmallVector<Constant> inputs;
  unsigned needed = std::min<unsigned>(op.constantInputs, node.numInputs());
  for (unsigned i = 0; i < needed; ++i) {
    if (!node.input(i))
      continue;
    FailureOr<DenseElementsAttr> attr = parameters.read(node.input(i));
    if (failed(attr))
      return failure();
    if (!*attr)
      return std::optional<SmallVector<Constant>>();
    inputs.push_back(Constant::from(*attr));
  }
  return std::optional(std::move(inputs));
}

/// Whether the node picks elements of a tensor that holds one number only.
bool picksFromSplat(const Node &node) {
  bool picks = llvm::StringSwitch<bool>(node.kind())
                   .Cases({"Gather", "GatherND", "GatherElements"}, true)
                   .Default(false);
  DenseElementsAttr data = picks ? constantOf(node.input(0)) : nullptr;
  return data && data.isSplat();
}

/// A frozen weight stays in its file: its transpose is a matter of reading it.
bool transposesWeight(const Node &node) {
  return node.kind() == "Transpose" &&
         node.input(0).getDefiningOp<pipe::GetParameterOp>() &&
         isa<FloatType>(node.inputType(0).getElementType());
}

/// Replaces the node by constants if its operands are; false if they are not.
FailureOr<bool> FunctionFolder::evaluate(const Node &node, const Operator &op) {
  if (picksFromSplat(node)) {
    OpBuilder b(node.getOp());
    node.result().replaceAllUsesWith(arith::ConstantOp::create(
        b, node.loc(), constantOf(node.input(0)).resizeSplat(node.resultType())));
    return true;
  }
  if (!(op.evaluate || op.expand) || transposesWeight(node))
    return false;
  auto inputs = constantInputs(node, op);
  if (failed(inputs))
    return failure();
  if (!*inputs)
    return false;
  if (!op.evaluate)
    return evaluateExpanded(node);
  SmallVector<Constant> results;
  for (Type type : node.getOp()->getResultTypes()) {
    auto tensor = cast<RankedTensorType>(type);
    if (tensor.getNumElements() > kMostConstant)
      return node.error() << "its result is a constant " << tensor
                          << ", expected at most 2^30 elements";
    results.push_back(Constant::zeros(tensor));
  }
  if (failed(op.evaluate(node, **inputs, results)))
    return failure();
  OpBuilder b(node.getOp());
  for (auto [value, constant] :
       llvm::zip(node.getOp()->getResults(), results))
    value.replaceAllUsesWith(
        arith::ConstantOp::create(b, node.loc(), constant.toAttr()));
  return true;
}

/// What a node between constants stands for is computed node by node.
FailureOr<bool> FunctionFolder::evaluateExpanded(const Node &node) {
  OpBuilder b(node.getOp());
  Expansion expansion(b, node.loc());
  FailureOr<bool> replaced = expansion.replace(node);
  if (failed(replaced))
    return failure();
  for (pipe::OnnxNodeOp part : expansion.nodes())
    if (failed(visit(part)))
      return failure();
  return replaced;
}

/// The inputs of an operator that must be of one element type, as the first of
/// them and one past the last.
std::pair<unsigned, unsigned> inputsOfOneType(StringRef kind) {
  using Range = std::pair<unsigned, unsigned>;
  return llvm::StringSwitch<Range>(kind)
      .Cases({"Add", "Sub", "Mul", "Div", "Mod", "And", "Or", "Xor", "MatMul",
              "Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual",
              "PRelu"},
             Range(0, 2))
      .Cases({"Max", "Min", "Concat", "Gemm", "Conv",
              "LayerNormalization", "RMSNormalization", "GroupNormalization",
              "InstanceNormalization", "BatchNormalization", "Range"},
             Range(0, ~0u))
      .Case("Where", Range(1, 3))
      .Case("Attention", Range(0, 3))
      .Default(Range(0, 0));
}

LogicalResult checkElementTypes(const Node &node) {
  auto [first, end] = inputsOfOneType(node.kind());
  for (unsigned i = first; i < std::min(end, node.numInputs()); ++i)
    if (node.input(i) && node.inputType(i).getElementType() !=
                             node.inputType(first).getElementType())
      return node.error() << "input " << i << " is " << node.inputType(i)
                          << ", expected the element type of "
                          << node.inputType(first);
  return success();
}

LogicalResult FunctionFolder::visit(const Node &node) {
  if (Sequences::isSequenceOperator(node.kind()))
    return sequences.resolve(node, [&](const Node &n) { return visit(n); });
  const Operator *op = findOperator(node.kind());
  if (!op || !op->infer)
    return node.error() << "is not a known operator";
  for (unsigned i = 0; i < node.numInputs(); ++i)
    if (node.input(i) && !node.inputType(i))
      return node.error() << "input " << i << " is a sequence";
  SmallVector<Type> types;
  if (failed(checkElementTypes(node)) || failed(inferTypes(*op, node, types)))
    return failure();
  if (types.size() != node.getOp()->getNumResults())
    return node.error() << "has " << node.getOp()->getNumResults()
                        << " outputs, expected " << types.size();
  for (auto [value, type] : llvm::zip(node.getOp()->getResults(), types))
    value.setType(type);
  FailureOr<bool> folded = evaluate(node, *op);
  if (failed(folded))
    return failure();
  if (*folded)
    return success();
  if (isPassThrough(node))
    handOn(node);
  return success();
}

/// Constants and integers have no gradient anyway.
void visitDetach(pipe::DetachOp op) {
  Type type = op.getOperand().getType();
  op.getResult().setType(type);
  bool isConstant = op.getOperand().getDefiningOp<arith::ConstantOp>();
  if (isConstant || !isa<FloatType>(getElementTypeOrSelf(type)))
    op.getResult().replaceAllUsesWith(op.getOperand());
}

void eraseUnused(func::FuncOp function) {
  for (Operation &op :
       llvm::make_early_inc_range(llvm::reverse(function.getBody().front())))
    if (isOpTriviallyDead(&op))
      op.erase();
}

LogicalResult FunctionFolder::run(func::FuncOp function) {
  for (Operation &op :
       llvm::make_early_inc_range(function.getBody().front())) {
    if (auto detach = dyn_cast<pipe::DetachOp>(op))
      visitDetach(detach);
    auto node = dyn_cast<pipe::OnnxNodeOp>(op);
    if (node && failed(visit(node)))
      return failure();
  }
  eraseUnused(function);

  Operation *terminator = function.getBody().front().getTerminator();
  for (auto [i, value] : llvm::enumerate(terminator->getOperands()))
    if (!isa<RankedTensorType>(value.getType()))
      return mlir::emitError(terminator->getLoc())
             << "output " << i << " of the model is a sequence";
  function.setType(FunctionType::get(function.getContext(),
                                     function.getArgumentTypes(),
                                     terminator->getOperandTypes()));
  return success();
}

struct FoldNodes : bitpipe::impl::FoldNodesBase<FoldNodes> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    ParameterReader parameters(module);
    for (auto function : module.getOps<func::FuncOp>())
      if (failed(FunctionFolder(parameters).run(function)))
        return signalPassFailure();
  }
};

} // namespace
