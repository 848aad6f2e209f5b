//===- Import.cpp - An ONNX file, node by node -----------------------------===//
//
// Mechanical: what a node means is known to the passes, not here.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/ONNX/Import.h"
#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Transforms/ONNX/FreeBatch.h"
#include "lib/Transforms/ONNX/Node.h"
#include "lib/Transforms/ONNX/Parameters.h"
#include "lib/Transforms/ONNX/Signature.h"
#include "lib/Transforms/ONNX/SmallIntegers.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace bitpipe;

namespace {

/// Untrained tensors up to this size sit in the IR.
constexpr int64_t kInlineBytes = 1024;

/// On an Identity: no gradient flows through it.
constexpr StringLiteral kDetach = "bitpipe.detach";

/// The numbers of AttributeProto.type.
enum AttributeKind { Float = 1, Int, String, TensorKind, Floats = 6, Ints, Strings };

class Importer {
public:
  Importer(ModelFile &file, const ImportOptions &options, MLIRContext *context)
      : file(file), options(options), b(context) {}

  OwningOpRef<ModuleOp> run(ArrayRef<Initializer> initializers);

private:
  /// A name in the file.
  Location named(StringRef name) {
    return NameLoc::get(b.getStringAttr(name), file.loc());
  }
  Location locationOf(const onnx::Node &node);
  LogicalResult checkDims();
  FailureOr<RankedTensorType> inputType(const onnx::ValueInfo &input);
  LogicalResult addParameter(int index);
  FailureOr<Value> read(int index);
  FailureOr<Value> valueOf(StringRef name, Location loc, StringRef reader);
  FailureOr<Attribute> convert(const onnx::Attribute &attribute);
  LogicalResult addDetach(const onnx::Node &node, Location loc,
                          ArrayRef<Value> operands);
  LogicalResult addNode(const onnx::Node &node);
  LogicalResult addBody(func::FuncOp function);

  ModelFile &file;
  const ImportOptions &options;
  OpBuilder b;
  ArrayRef<Initializer> plan;
  llvm::StringMap<Value> values;
  llvm::StringMap<int> initializerIndex;
  llvm::StringMap<int64_t> opsets;
  ModuleOp module;
  func::FuncOp function;
  DenseMap<int, pipe::ParameterOp> parameters;
};

/// The scope of the exporter around the node's own name.
Location Importer::locationOf(const onnx::Node &node) {
  StringRef name = node.name();
  if (name.empty())
    name = node.output_size() > 0 ? node.output(0) : node.op_type();
  Location own = named(name);
  auto scopes =
      parseList(metadata(node.metadata_props(), "pkg.torch.onnx.name_scopes"));
  if (scopes.size() < 2 || scopes[scopes.size() - 2].empty())
    return own;
  return NameLoc::get(b.getStringAttr(scopes[scopes.size() - 2]), own);
}

FailureOr<RankedTensorType>
Importer::inputType(const onnx::ValueInfo &input) {
  const onnx::Type::Tensor &type = input.type().tensor_type();
  Type element = elementType(type.elem_type(), b.getContext());
  if (!element)
    return emitError(file.loc())
           << "input '" << input.name() << "' is "
           << (input.type().has_tensor_type()
                   ? "of type " + elementTypeName(type.elem_type())
                   : "a sequence, map or optional")
           << ", expected a tensor of float, double, float16, bfloat16, bool or "
              "an integer type of at most 64 bits but uint64";
  SmallVector<int64_t> shape;
  for (auto [i, dim] : llvm::enumerate(type.shape().dim())) {
    if (dim.has_dim_value() && dim.dim_value() > 0) {
      shape.push_back(dim.dim_value());
      continue;
    }
    auto bound = options.dims.find(dim.dim_param());
    if (dim.dim_param().empty())
      return emitError(file.loc())
             << "dimension " << i << " of input '" << input.name()
             << "' has neither a size nor a name";
    if (bound == options.dims.end() || bound->second <= 0)
      return emitError(file.loc())
             << "dimension " << i << " of input '" << input.name()
             << "' is symbolic, expected its size by --dim=" << dim.dim_param()
             << "=K";
    shape.push_back(bound->second);
  }
  if (!countElements(shape))
    return emitError(file.loc()) << "input '" << input.name() << "' has shape ["
                                 << shape << "], expected at most 2^40 elements";
  return RankedTensorType::get(shape, element);
}

/// Fails where a size is given for a dimension that no input has.
LogicalResult Importer::checkDims() {
  llvm::StringSet<> names;
  for (const onnx::ValueInfo &input : file.graph().input())
    for (const auto &dim : input.type().tensor_type().shape().dim())
      if (!dim.dim_param().empty() && !initializerIndex.contains(input.name()))
        names.insert(dim.dim_param());
  for (const auto &bound : options.dims) {
    if (names.contains(bound.getKey()))
      continue;
    InFlightDiagnostic wrong = emitError(file.loc())
                               << "--dim is '" << bound.getKey() << "=" << bound.getValue()
                               << "', but no input has such a dimension, expected ";
    if (names.empty())
      return wrong << "none: all sizes are in the file";
    std::vector<StringRef> sorted(names.keys().begin(), names.keys().end());
    llvm::sort(sorted);
    return wrong << "one of " << llvm::join(sorted, ", ");
  }
  return success();
}

/// A pipe.parameter for an initializer, in its file or, if it lies there in
/// another form, with its value.
LogicalResult Importer::addParameter(int index) {
  const onnx::Tensor &tensor = file.graph().initializer(index);
  FailureOr<RankedTensorType> type = file.type(tensor);
  FailureOr<std::optional<Payload>> payload = file.payload(index);
  if (failed(type) || failed(payload))
    return failure();
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(function);
  StringAttr path;
  IntegerAttr offset;
  ElementsAttr value;
  if (*payload) {
    path = b.getStringAttr((*payload)->file);
    offset = b.getI64IntegerAttr((*payload)->offset);
  } else {
    FailureOr<DenseElementsAttr> dense = file.value(tensor);
    if (failed(dense))
      return failure();
    value = *dense;
  }
  SmallVector<StringRef> aliases(plan[index].aliases.begin(),
                                 plan[index].aliases.end());
  parameters[index] = pipe::ParameterOp::create(
      b, named(tensor.name()), b.getStringAttr(tensor.name()), TypeAttr::get(*type),
      plan[index].trained ? b.getUnitAttr() : UnitAttr(), path, offset, value,
      plan[index].frozen ? b.getUnitAttr() : UnitAttr(), /*stored=*/TypeAttr(),
      aliases.empty() ? ArrayAttr() : b.getStrArrayAttr(aliases));
  return success();
}

FailureOr<Value> Importer::read(int index) {
  const onnx::Tensor &tensor = file.graph().initializer(index);
  if (plan[index].transposeOf >= 0) {
    FailureOr<Value> whole = read(plan[index].transposeOf);
    if (failed(whole))
      return failure();
    NamedAttribute perm = b.getNamedAttr("perm", b.getI64ArrayAttr({1, 0}));
    return makeNode(b, named(tensor.name()), "Transpose",
                    pipe::UnknownType::get(b.getContext()), *whole, perm)
        .result();
  }
  FailureOr<RankedTensorType> type = file.type(tensor);
  if (failed(type))
    return failure();
  Location loc = named(tensor.name());
  bool isParameter = plan[index].trained || plan[index].frozen;
  if (!isParameter && byteSize(*type) <= kInlineBytes) {
    FailureOr<DenseElementsAttr> value = file.value(tensor);
    if (failed(value))
      return failure();
    return arith::ConstantOp::create(b, loc, *value).getResult();
  }
  if (!parameters.contains(index) && failed(addParameter(index)))
    return failure();
  return pipe::GetParameterOp::create(
             b, loc, *type,
             FlatSymbolRefAttr::get(parameters[index].getSymNameAttr()))
      .getResult();
}

/// The value with a name; an initializer is read where it is used first.
FailureOr<Value> Importer::valueOf(StringRef name, Location loc,
                                   StringRef reader) {
  if (Value value = values.lookup(name))
    return value;
  auto found = initializerIndex.find(name);
  if (found == initializerIndex.end())
    return emitError(loc) << reader << " reads '" << name
                          << "', which nothing before it defines";
  FailureOr<Value> value = read(found->second);
  if (succeeded(value))
    values[name] = *value;
  return value;
}

FailureOr<Attribute> Importer::convert(const onnx::Attribute &attribute) {
  switch (attribute.type()) {
  case Float:
    return Attribute(b.getF32FloatAttr(attribute.f()));
  case Int:
    return Attribute(b.getI64IntegerAttr(attribute.i()));
  case String:
    return Attribute(b.getStringAttr(attribute.s()));
  case TensorKind: {
    FailureOr<DenseElementsAttr> value = file.value(attribute.t());
    if (failed(value))
      return failure();
    return Attribute(*value);
  }
  case Floats:
    return Attribute(b.getF32ArrayAttr(
        SmallVector<float>(attribute.floats().begin(), attribute.floats().end())));
  case Ints:
    return Attribute(b.getI64ArrayAttr(
        SmallVector<int64_t>(attribute.ints().begin(), attribute.ints().end())));
  case Strings: {
    SmallVector<StringRef> strings(attribute.strings().begin(),
                                   attribute.strings().end());
    return Attribute(b.getStrArrayAttr(strings));
  }
  }
  // A graph or a type: only operators that are not supported have these.
  return Attribute(b.getUnitAttr());
}

/// Other tools read an Identity, and a mark on anything else is not understood.
LogicalResult Importer::addDetach(const onnx::Node &node, Location loc,
                                  ArrayRef<Value> operands) {
  if (node.op_type() != "Identity" || operands.size() != 1 ||
      node.output_size() != 1)
    return emitError(loc) << node.op_type() << " is marked " << kDetach
                          << ", expected an Identity";
  values[node.output(0)] =
      pipe::DetachOp::create(b, loc, operands.front()).getResult();
  return success();
}

LogicalResult Importer::addNode(const onnx::Node &node) {
  Location loc = locationOf(node);
  SmallVector<Value> operands;
  SmallVector<bool> present;
  for (const std::string &name : node.input()) {
    present.push_back(!name.empty());
    if (name.empty())
      continue;
    FailureOr<Value> value = valueOf(name, loc, node.name());
    if (failed(value))
      return failure();
    operands.push_back(*value);
  }
  if (!metadata(node.metadata_props(), kDetach).empty())
    return addDetach(node, loc, operands);
  NamedAttrList attributes;
  for (const onnx::Attribute &attribute : node.attribute()) {
    FailureOr<Attribute> value = convert(attribute);
    if (failed(value))
      return failure();
    attributes.set(attribute.name(), *value);
  }
  SmallVector<Type> types(node.output_size(),
                          pipe::UnknownType::get(b.getContext()));
  auto op = pipe::OnnxNodeOp::create(
      b, loc, types, b.getStringAttr(node.op_type()),
      b.getStringAttr(node.domain()),
      b.getI64IntegerAttr(opsets.lookup(node.domain())), operands,
      b.getDenseBoolArrayAttr(present),
      attributes.getDictionary(b.getContext()));
  for (auto [name, value] : llvm::zip(node.output(), op.getResults()))
    if (!name.empty())
      values[name] = value;
  return success();
}

LogicalResult Importer::addBody(func::FuncOp function) {
  b.setInsertionPointToStart(function.addEntryBlock());
  unsigned argument = 0;
  for (const onnx::ValueInfo &input : file.graph().input())
    if (!initializerIndex.contains(input.name()))
      values[input.name()] = function.getArgument(argument++);
  for (const onnx::Node &node : file.graph().node())
    if (failed(addNode(node)))
      return failure();
  SmallVector<Value> outputs;
  for (const onnx::ValueInfo &output : file.graph().output()) {
    FailureOr<Value> value =
        valueOf(output.name(), file.loc(), "the model's output");
    if (failed(value))
      return failure();
    outputs.push_back(*value);
  }
  func::ReturnOp::create(b, file.loc(), outputs);
  function.setType(b.getFunctionType(function.getArgumentTypes(),
                                     ValueRange(outputs).getTypes()));
  return success();
}

OwningOpRef<ModuleOp> Importer::run(ArrayRef<Initializer> initializers) {
  plan = initializers;
  const onnx::Graph &graph = file.graph();
  for (const onnx::OperatorSet &set : file.model().opset_import())
    opsets[set.domain() == "ai.onnx" ? "" : set.domain()] = set.version();
  for (auto [i, tensor] : llvm::enumerate(graph.initializer()))
    initializerIndex[tensor.name()] = i;
  if (failed(checkDims()))
    return {};
  SmallVector<StringRef> inputs, outputs;
  SmallVector<Type> types;
  for (const onnx::ValueInfo &input : graph.input()) {
    if (initializerIndex.contains(input.name()))
      continue;
    FailureOr<RankedTensorType> type = inputType(input);
    if (failed(type))
      return {};
    inputs.push_back(input.name());
    types.push_back(*type);
  }
  for (const onnx::ValueInfo &output : graph.output())
    outputs.push_back(output.name());

  OwningOpRef<ModuleOp> owner(ModuleOp::create(file.loc()));
  module = *owner;
  b.setInsertionPointToEnd(module.getBody());
  std::string name = "forward"; // unless a parameter is called that
  while (initializerIndex.contains(name))
    name += '_';
  pipe::ModelOp::create(b, file.loc(),
                        FlatSymbolRefAttr::get(b.getContext(), name),
                        b.getStrArrayAttr(inputs), b.getStrArrayAttr(outputs),
                        StringAttr(), IntegerAttr(), DenseI64ArrayAttr(),
                        DenseI64ArrayAttr(), StringAttr(), IntegerAttr(), ArrayAttr());
  function = func::FuncOp::create(b, file.loc(), name,
                                  b.getFunctionType(types, {}));
  if (failed(addBody(function)))
    return {};
  // What nothing reads is saved with the others.
  for (auto [i, decided] : llvm::enumerate(plan))
    if (decided.frozen && !parameters.contains(i) && failed(addParameter(i)))
      return {};
  return owner;
}

} // namespace

OwningOpRef<ModuleOp> bitpipe::importONNX(StringRef path,
                                          const ImportOptions &options,
                                          MLIRContext *context,
                                          llvm::raw_ostream &report) {
  context->loadDialect<arith::ArithDialect, func::FuncDialect,
                       pipe::PipeDialect>();
  std::unique_ptr<ModelFile> file = ModelFile::open(path, context);
  if (!file)
    return {};
  if (failed(checkSmallIntegers(*file)))
    return {};
  auto initializers = identifyParameters(*file, options, report);
  if (failed(initializers))
    return {};
  ImportOptions bound = options;
  if (std::string name = options.batch ? freeBatch(*file, options.dims) : ""; !name.empty()) {
    bound.dims[name] = options.batch;
    *options.batchName = name;
  }
  return Importer(*file, bound, context).run(*initializers);
}
