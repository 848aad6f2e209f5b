//===- Uses.cpp - What a model does with its tensors -----------------------===//

#include "lib/Transforms/ONNX/Uses.h"
#include "lib/Transforms/ONNX/Node.h"

#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace bitpipe;

namespace {

enum class Kind { Moves, Reads, Table, Product, Norm, Angle, Statistic, Elementwise };

/// Casts to float types move numbers, others end all gradients.
bool castsToFloat(const onnx::Node &node) {
  for (const onnx::Attribute &attribute : node.attribute())
    if (attribute.name() == "to")
      return llvm::is_contained({1, 10, 11, 16}, attribute.i());
  return false;
}

/// What a node does with its input at a position.
Kind kindOf(const onnx::Node &node, int position) {
  StringRef kind = node.op_type();
  if (kind == "Cast")
    return castsToFloat(node) ? Kind::Moves : Kind::Reads;
  bool joins = kind == "Concat" || kind == "SequenceConstruct";
  bool moves = llvm::StringSwitch<bool>(kind)
                   .Cases({"Transpose", "Identity", "CastLike", "Reshape",
                           "Slice", "Split", "SplitToSequence", "SequenceAt",
                           "ConcatFromSequence", "Unsqueeze", "Squeeze",
                           "Expand", "Flatten", "Tile"},
                          true)
                   .Default(false);
  if (joins || (moves && position == 0))
    return Kind::Moves;
  bool reads = llvm::StringSwitch<bool>(kind)
                   .Cases({"Shape", "Size", "Equal", "Less", "LessOrEqual",
                           "Greater", "GreaterOrEqual", "IsNaN", "IsInf",
                           "Range", "ConstantOfShape", "OneHot"},
                          true)
                   .Default(moves);
  bool onlyFirst = llvm::StringSwitch<bool>(kind)
                       .Cases({"Pow", "Clip", "Pad", "Dropout", "Gather",
                               "GatherElements", "GatherND", "Resize"},
                              true)
                       .Default(false);
  if (reads || (onlyFirst && position > 0))
    return Kind::Reads;
  if (kind == "BatchNormalization" && position >= 3)
    return Kind::Statistic;
  return llvm::StringSwitch<Kind>(kind)
      .Cases({"Gather", "GatherElements", "GatherND"}, Kind::Table)
      .Cases({"MatMul", "Gemm", "Einsum", "Conv", "ConvTranspose", "Attention"},
             Kind::Product)
      .Cases({"LayerNormalization", "RMSNormalization", "GroupNormalization",
              "InstanceNormalization", "BatchNormalization"},
             Kind::Norm)
      .Cases({"Sin", "Cos"}, Kind::Angle)
      .Default(Kind::Elementwise);
}

void add(Use &use, Kind kind) {
  use.any = true;
  use.table |= kind == Kind::Table;
  use.product |= kind == Kind::Product;
  use.norm |= kind == Kind::Norm;
  use.angle |= kind == Kind::Angle;
  use.elementwise |= kind == Kind::Elementwise;
  use.statistic |= kind == Kind::Statistic;
}

} // namespace

llvm::StringMap<Use> bitpipe::collectUses(const ModelFile &file) {
  llvm::StringMap<Use> uses;
  llvm::StringMap<SmallVector<StringRef, 1>> origins; // of what is moved
  for (const onnx::Tensor &tensor : file.graph().initializer())
    origins[tensor.name()].push_back(tensor.name());
  for (const onnx::Node &node : file.graph().node())
    for (auto [i, name] : llvm::enumerate(node.input())) {
      auto found = origins.find(name);
      if (found == origins.end())
        continue;
      Kind kind = kindOf(node, i);
      SmallVector<StringRef, 1> moved = found->second;
      for (StringRef origin : moved) {
        add(uses[origin], kind);
        uses[origin].readers += kind != Kind::Reads && origin == name;
      }
      if (kind == Kind::Moves)
        for (const std::string &output : node.output())
          origins[output].append(moved.begin(), moved.end());
    }
  for (const onnx::ValueInfo &output : file.graph().output())
    for (StringRef origin : origins.lookup(output.name()))
      uses[origin].any = true;
  return uses;
}

bool bitpipe::isFloatTensor(const onnx::Tensor &tensor) {
  return llvm::is_contained({1, 10, 11, 16}, tensor.data_type());
}

int64_t bitpipe::elementsOf(const onnx::Tensor &tensor) {
  return countElements(ArrayRef(tensor.dims().data(), tensor.dims().size()))
      .value_or(0);
}

bool bitpipe::isOneNumber(ModelFile &file, int initializer) {
  auto numbers = file.floats(initializer, std::numeric_limits<int64_t>::max());
  if (failed(numbers) || numbers->empty())
    return false;
  return llvm::all_of(*numbers,
                      [&](float n) { return n == numbers->front(); });
}
