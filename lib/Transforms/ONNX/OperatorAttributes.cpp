//===- OperatorAttributes.cpp - The attributes that operators have ---------===//
//
// One table. A node with an attribute that is not in it asks for something
// that would be ignored, so it is refused.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/ONNX/Operators.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace bitpipe;

/// Per operator the names of its attributes, each with its type as a letter:
/// i and I integer(s), f and F float(s), s string, t tensor. What must be given
/// ends in '!'.
static const llvm::StringMap<StringRef> &attributeTable() {
  static const llvm::StringMap<StringRef> table = {
      // Elementwise.
      {"Cast", "to:i! saturate:i"},
      {"CastLike", "saturate:i"},
      {"Celu", "alpha:f"},
      {"Dropout", "seed:i"},
      {"Elu", "alpha:f"},
      {"Gelu", "approximate:s"},
      {"HardSigmoid", "alpha:f beta:f"},
      {"IsInf", "detect_negative:i detect_positive:i"},
      {"LeakyRelu", "alpha:f"},
      {"Mod", "fmod:i"},
      {"Selu", "alpha:f gamma:f"},
      {"Shrink", "lambd:f bias:f"},
      {"ThresholdedRelu", "alpha:f"},
      // Shapes and views.
      {"Concat", "axis:i!"},
      {"Constant", "value:t value_float:f value_floats:F value_int:i "
                   "value_ints:I value_string:s value_strings:S"},
      {"ConstantOfShape", "value:t"},
      {"DepthToSpace", "blocksize:i! mode:s"},
      {"Flatten", "axis:i"},
      {"OneHot", "axis:i"},
      {"Pad", "mode:s"},
      {"Reshape", "allowzero:i"},
      {"Shape", "start:i end:i"},
      {"SpaceToDepth", "blocksize:i!"},
      {"Split", "axis:i num_outputs:i"},
      {"Squeeze", "axes:I"},
      {"Transpose", "perm:I"},
      {"Unsqueeze", "axes:I"},
      // Sequences.
      {"ConcatFromSequence", "axis:i! new_axis:i"},
      {"SplitToSequence", "axis:i keepdims:i"},
      // Choosing and placing elements.
      {"ArgMax", "axis:i keepdims:i select_last_index:i"},
      {"ArgMin", "axis:i keepdims:i select_last_index:i"},
      {"CumSum", "exclusive:i reverse:i"},
      {"Gather", "axis:i"},
      {"GatherElements", "axis:i"},
      {"GatherND", "batch_dims:i"},
      {"ScatterElements", "axis:i reduction:s"},
      {"ScatterND", "reduction:s"},
      {"TopK", "axis:i largest:i sorted:i"},
      {"Trilu", "upper:i"},
      // Reductions and normalisations.
      {"BatchNormalization", "epsilon:f momentum:f training_mode:i"},
      {"GroupNormalization", "epsilon:f num_groups:i! stash_type:i"},
      {"InstanceNormalization", "epsilon:f"},
      {"LayerNormalization", "axis:i epsilon:f stash_type:i"},
      {"LogSoftmax", "axis:i"},
      {"LpNormalization", "axis:i p:i"},
      {"RMSNormalization", "axis:i epsilon:f stash_type:i"},
      {"Softmax", "axis:i"},
      // Products and windows.
      {"Attention",
       "is_causal:i kv_num_heads:i q_num_heads:i qk_matmul_output_mode:i "
       "scale:f softcap:f softmax_precision:i"},
      {"AveragePool", "auto_pad:s ceil_mode:i count_include_pad:i dilations:I "
                      "kernel_shape:I! pads:I strides:I"},
      {"Conv", "auto_pad:s dilations:I group:i kernel_shape:I pads:I strides:I"},
      {"Einsum", "equation:s!"},
      {"Gemm", "alpha:f beta:f transA:i transB:i"},
      {"MaxPool", "auto_pad:s ceil_mode:i dilations:I kernel_shape:I! pads:I "
                  "storage_order:i strides:I"},
  };
  return table;
}

static StringRef attributesOf(StringRef kind) {
  if (kind.starts_with("Reduce"))
    return "axes:I keepdims:i noop_with_empty_axes:i";
  return attributeTable().lookup(kind);
}

static bool hasType(Attribute attribute, char type) {
  auto holds = [&](auto of) {
    using Element = decltype(of);
    auto list = dyn_cast<ArrayAttr>(attribute);
    return list && llvm::all_of(list, llvm::IsaPred<Element>);
  };
  switch (type) {
  case 'i':
    return isa<IntegerAttr>(attribute);
  case 'f':
    return isa<FloatAttr>(attribute);
  case 's':
    return isa<StringAttr>(attribute);
  case 't':
    return isa<DenseElementsAttr>(attribute);
  case 'I':
    return holds(IntegerAttr());
  case 'F':
    return holds(FloatAttr());
  }
  return holds(StringAttr());
}

std::string bitpipe::attributeProblem(const Node &node) {
  llvm::StringMap<char> known;
  SmallVector<StringRef> entries;
  attributesOf(node.kind()).split(entries, ' ', -1, /*KeepEmpty=*/false);
  for (StringRef entry : entries) {
    auto [name, type] = entry.split(':');
    known[name] = type.front();
    if (type.ends_with("!") && !node.attribute(name))
      return "leaving out attribute '" + name.str() + "'";
  }
  for (NamedAttribute given : node.getOp().getOnnxAttributes()) {
    StringRef name = given.getName();
    auto found = known.find(name);
    if (found == known.end())
      return "attribute '" + name.str() + "'";
    if (!hasType(given.getValue(), found->second))
      return "attribute '" + name.str() + "' of another type";
  }
  bool twice = node.attribute("axes") && node.input(1);
  return twice ? "axes as an attribute and as an input" : "";
}
