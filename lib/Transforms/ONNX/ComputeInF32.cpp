//===- ComputeInF32.cpp - Half and double precision become f32 -------------===//

#include "lib/Transforms/ONNX/Constant.h"
#include "lib/Transforms/ONNX/Node.h"
#include "lib/Transforms/ONNX/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/SetVector.h"

namespace bitpipe {
#define GEN_PASS_DEF_COMPUTEINF32
#include "lib/Transforms/ONNX/Passes.h.inc"
} // namespace bitpipe

using namespace mlir;
using namespace bitpipe;

namespace {

/// The element type if it is a float of another width, else null.
Type otherFloat(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  Type element = tensor ? tensor.getElementType() : type;
  return isa<FloatType>(element) && !element.isF32() ? element : Type();
}

Type inF32(Type type) {
  if (!otherFloat(type))
    return type;
  Type f32 = Float32Type::get(type.getContext());
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor ? Type(tensor.clone(f32)) : f32;
}

/// The nodes that compute in another type, for the one line about them.
struct Changed {
  llvm::SmallSetVector<StringRef, 3> types;
  int64_t nodes = 0;
  std::string first; // as the line calls it: the node may go

  void add(pipe::OnnxNodeOp node) {
    bool changes = false;
    for (Type type : node->getResultTypes())
      if (Type other = otherFloat(type)) {
        types.insert(other.isF16() ? "f16" : other.isBF16() ? "bf16" : "f64");
        changes = true;
      }
    if (!changes)
      return;
    if (nodes++ == 0)
      first = (node.getOpType() + " '" + nodeName(node.getLoc()) + "'").str();
  }

  void report(Location loc) {
    if (!nodes)
      return;
    InFlightDiagnostic remark = mlir::emitRemark(loc);
    remark << "computed in f32: " << nodes
           << (nodes == 1 ? " node" : " nodes") << " that the file computes in ";
    llvm::interleave(types, remark, " and ");
    remark << ", first " << first;
  }
};

struct ComputeInF32 : bitpipe::impl::ComputeInF32Base<ComputeInF32> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    for (auto parameter : module.getOps<pipe::ParameterOp>())
      change(parameter);
    Changed changed;
    for (auto function : module.getOps<func::FuncOp>())
      change(function, changed);
    changed.report(module.getLoc());
  }

private:
  void change(pipe::ParameterOp parameter) {
    Type stored = otherFloat(parameter.getType());
    if (!stored)
      return;
    // A value is kept as what it becomes; the file's type is remembered.
    if (auto value = parameter.getValue())
      parameter.setValueAttr(toF32(cast<DenseElementsAttr>(*value)));
    parameter.setType(inF32(parameter.getType()));
    parameter.setStored(stored);
  }

  void change(func::FuncOp function, Changed &changed) {
    Block &block = function.getBody().front();
    for (BlockArgument argument : block.getArguments())
      argument.setType(inF32(argument.getType()));
    for (Operation &op : llvm::make_early_inc_range(block)) {
      auto node = dyn_cast<pipe::OnnxNodeOp>(op);
      if (node)
        changed.add(node);
      if (auto constant = dyn_cast<arith::ConstantOp>(op))
        change(constant);
      for (Value result : op.getResults())
        result.setType(inF32(result.getType()));
      if (node)
        change(node);
    }
    function.setType(FunctionType::get(
        &getContext(), block.getArgumentTypes(),
        block.getTerminator()->getOperandTypes()));
  }

  void change(arith::ConstantOp constant) {
    if (!otherFloat(constant.getType()))
      return;
    if (auto dense = dyn_cast<DenseElementsAttr>(constant.getValue()))
      constant.setValueAttr(toF32(dense));
  }

  /// Attributes say types, too; a cast to the type that is there is none.
  void change(pipe::OnnxNodeOp node) {
    NamedAttrList attributes(node.getOnnxAttributes());
    for (NamedAttribute attribute : node.getOnnxAttributes())
      if (auto dense = dyn_cast<DenseElementsAttr>(attribute.getValue());
          dense && otherFloat(dense.getType()))
        attributes.set(attribute.getName(), toF32(dense));
    bool casts = node.getOpType() == "Cast" || node.getOpType() == "CastLike";
    if (casts && otherFloatNumber(attributes.get("to")))
      attributes.set("to", IntegerAttr::get(
                               IntegerType::get(&getContext(), 64), kFloat));
    node.setOnnxAttributesAttr(attributes.getDictionary(&getContext()));
    if (!casts || node.getResult(0).getType() != node.getOperand(0).getType())
      return;
    node.getResult(0).replaceAllUsesWith(node.getOperand(0));
    node.erase();
  }

  static constexpr int64_t kFloat = 1;
  static bool otherFloatNumber(Attribute type) {
    auto number = dyn_cast_or_null<IntegerAttr>(type);
    return number && llvm::is_contained({10, 11, 16}, number.getInt());
  }
};

} // namespace
