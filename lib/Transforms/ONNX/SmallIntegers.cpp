//===- SmallIntegers.cpp - Integers of 8 and 16 bits -----------------------===//

#include "lib/Transforms/ONNX/SmallIntegers.h"
#include "lib/Transforms/ONNX/Operators.h"

#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace bitpipe;

namespace {

/// What a node does with an input.
enum class Effect { Reads, HandsOn, Computes };

Effect effectOf(const onnx::Node &node, int position) {
  if (node.op_type() == "CastLike")
    return position == 0 ? Effect::Reads : Effect::Computes;
  return llvm::StringSwitch<Effect>(node.op_type())
      .Cases({"Cast", "Shape", "Size", "Equal", "Less", "LessOrEqual",
              "Greater", "GreaterOrEqual", "Not"},
             Effect::Reads)
      .Cases({"Identity", "Reshape", "Transpose", "Squeeze", "Unsqueeze",
              "Flatten", "Slice", "Split", "Concat", "Expand", "Gather",
              "GatherElements", "GatherND", "Where", "Tile"},
             Effect::HandsOn)
      .Default(Effect::Computes);
}

/// The type that a node says its result has, 0 if it says none.
int statedType(const onnx::Node &node) {
  for (const onnx::Attribute &attribute : node.attribute()) {
    if (node.op_type() == "Cast" && attribute.name() == "to")
      return attribute.i();
    if (StringRef(node.op_type()).starts_with("Constant") &&
        attribute.name() == "value")
      return attribute.t().data_type();
  }
  return 0;
}

} // namespace

LogicalResult bitpipe::checkSmallIntegers(ModelFile &file) {
  llvm::StringMap<int> types; // of the tensors that are widened
  auto note = [&](StringRef name, int type) {
    if (isWidened(type))
      types[name] = type;
  };
  for (const onnx::Tensor &tensor : file.graph().initializer())
    note(tensor.name(), tensor.data_type());
  for (const onnx::ValueInfo &input : file.graph().input())
    note(input.name(), input.type().tensor_type().elem_type());
  bool valid = true;
  for (const onnx::Node &node : file.graph().node()) {
    for (auto [i, name] : llvm::enumerate(node.input())) {
      int type = types.lookup(name);
      Effect effect = effectOf(node, i);
      // An unknown operator is reported as such.
      if (!type || effect == Effect::Reads || !findOperator(node.op_type()))
        continue;
      if (effect == Effect::Computes) {
        valid = false;
        emitError(file.loc())
            << node.op_type() << " '" << node.name() << "': computes with '"
            << name << "' of type " << elementTypeName(type)
            << ", expected only casts, comparisons and moves of such values";
        break; // one line per node
      }
      for (const std::string &output : node.output())
        note(output, type);
    }
    if (node.output_size() > 0)
      note(node.output(0), statedType(node));
  }
  return success(valid);
}
