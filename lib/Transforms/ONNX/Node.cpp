//===- Node.cpp - Reading a pipe.onnx_node ---------------------------------===//

#include "lib/Transforms/ONNX/Node.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace bitpipe;

StringRef bitpipe::nodeName(Location loc) {
  StringRef name = "?";
  while (auto named = dyn_cast<NameLoc>(loc)) {
    name = named.getName().getValue();
    loc = named.getChildLoc();
  }
  return name;
}

static constexpr int64_t kMostElements = int64_t(1) << 40;

std::optional<int64_t> bitpipe::countElements(ArrayRef<int64_t> shape) {
  int64_t count = 1; // of those that are not empty, so that no part has more
  for (int64_t size : shape) {
    if (size < 0 || size > kMostElements / count)
      return std::nullopt;
    count *= std::max<int64_t>(size, 1);
  }
  return llvm::is_contained(shape, 0) ? 0 : count;
}

static int64_t withinTensors(int64_t number) {
  return std::clamp(number, -kMostElements - 1, kMostElements + 1);
}

int64_t bitpipe::byteSize(ShapedType type) {
  return type.getNumElements() *
         llvm::divideCeil(type.getElementTypeBitWidth(), 8);
}

DenseElementsAttr bitpipe::constantOf(Value value) {
  DenseElementsAttr attr;
  if (value && matchPattern(value, m_Constant(&attr)))
    return attr;
  return {};
}

std::optional<SmallVector<int64_t>> bitpipe::integersOf(Value value) {
  DenseElementsAttr attr = constantOf(value);
  if (!attr || !attr.getElementType().isInteger())
    return std::nullopt;
  SmallVector<int64_t> values;
  bool isBool = attr.getElementType().isInteger(1);
  for (const APInt &v : attr.getValues<APInt>())
    values.push_back(isBool ? v.getZExtValue() : withinTensors(v.getSExtValue()));
  return values;
}

Value Node::input(unsigned position) const {
  ArrayRef<bool> present = op_().getPresent();
  if (position >= present.size() || !present[position])
    return {};
  return op_().getOperand(llvm::count(present.take_front(position), true));
}

RankedTensorType Node::inputType(unsigned position) const {
  Value value = input(position);
  return value ? dyn_cast<RankedTensorType>(value.getType())
               : RankedTensorType();
}

RankedTensorType Node::resultType(unsigned i) const {
  return dyn_cast<RankedTensorType>(result(i).getType());
}

int64_t Node::integer(StringRef name, int64_t otherwise) const {
  auto attr = dyn_cast_or_null<IntegerAttr>(attribute(name));
  return attr ? withinTensors(attr.getInt()) : otherwise;
}

double Node::real(StringRef name, double otherwise) const {
  auto attr = dyn_cast_or_null<FloatAttr>(attribute(name));
  return attr ? attr.getValueAsDouble() : otherwise;
}

StringRef Node::string(StringRef name, StringRef otherwise) const {
  auto attr = dyn_cast_or_null<StringAttr>(attribute(name));
  return attr ? attr.getValue() : otherwise;
}

std::optional<SmallVector<int64_t>> Node::integers(StringRef name) const {
  auto attr = dyn_cast_or_null<ArrayAttr>(attribute(name));
  if (!attr)
    return std::nullopt;
  SmallVector<int64_t> values;
  for (Attribute value : attr) {
    auto integer = dyn_cast<IntegerAttr>(value);
    if (!integer)
      return std::nullopt;
    values.push_back(integer.getInt());
  }
  return values;
}

std::optional<int64_t> Node::axis(int64_t otherwise, int64_t rank) const {
  int64_t axis = integer("axis", otherwise);
  if (axis < 0)
    axis += rank;
  if (axis < 0 || axis >= rank)
    return std::nullopt;
  return axis;
}

std::optional<SmallVector<int64_t>>
Node::integersAt(unsigned position, StringRef attribute) const {
  if (Value value = input(position))
    return integersOf(value);
  return integers(attribute);
}

InFlightDiagnostic Node::error() const {
  return mlir::emitError(loc())
         << kind() << " '" << nodeName(loc()) << "': ";
}

Node bitpipe::makeNode(OpBuilder &b, Location loc, StringRef kind,
                       TypeRange results, ValueRange inputs,
                       ArrayRef<NamedAttribute> attributes) {
  constexpr int64_t newest = 23;
  SmallVector<bool> present(inputs.size(), true);
  return pipe::OnnxNodeOp::create(
      b, loc, results, b.getStringAttr(kind), b.getStringAttr(""),
      b.getI64IntegerAttr(newest), inputs, b.getDenseBoolArrayAttr(present),
      b.getDictionaryAttr(attributes));
}

std::optional<SmallVector<int64_t>>
bitpipe::broadcastShapes(ArrayRef<int64_t> a, ArrayRef<int64_t> b) {
  if (a.size() < b.size())
    std::swap(a, b);
  SmallVector<int64_t> shape(a);
  for (auto [to, from] :
       llvm::zip(MutableArrayRef<int64_t>(shape).take_back(b.size()), b)) {
    if (to == 1)
      to = from;
    else if (from != 1 && from != to)
      return std::nullopt;
  }
  return shape;
}
