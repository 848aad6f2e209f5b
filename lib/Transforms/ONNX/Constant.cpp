//===- Constant.cpp - Tensors the compiler computes with -------------------===//

#include "lib/Transforms/ONNX/Constant.h"
#include "lib/Files/Floats.h"
#include "lib/Transforms/ONNX/Node.h"

#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;
using namespace bitpipe;

Constant Constant::zeros(RankedTensorType type) {
  Constant constant{type, {}, {}};
  if (constant.isReal())
    constant.reals.resize(type.getNumElements());
  else
    constant.integers.resize(type.getNumElements());
  return constant;
}

Constant Constant::from(DenseElementsAttr attr) {
  Constant constant{cast<RankedTensorType>(attr.getType()), {}, {}};
  if (constant.isReal()) {
    constant.reals.reserve(attr.getNumElements());
    for (const APFloat &v : attr.getValues<APFloat>())
      constant.reals.push_back(v.convertToDouble());
    return constant;
  }
  constant.integers.reserve(attr.getNumElements());
  bool isBool = attr.getElementType().isInteger(1);
  for (const APInt &v : attr.getValues<APInt>())
    constant.integers.push_back(isBool ? v.getZExtValue() : v.getSExtValue());
  return constant;
}

static Attribute element(Type type, double value) {
  return FloatAttr::get(type, value);
}

static Attribute element(Type type, int64_t value) {
  APInt bits(type.getIntOrFloatBitWidth(), value, /*isSigned=*/true,
             /*implicitTrunc=*/true);
  return IntegerAttr::get(type, bits);
}

template <typename T>
static bool allEqual(const std::vector<T> &values) {
  return !values.empty() && llvm::all_of(values, [&](T v) {
    return memcmp(&v, &values.front(), sizeof(T)) == 0;
  });
}

DenseElementsAttr Constant::toAttr() const {
  Type elementType = type.getElementType();
  if (isReal() ? allEqual(reals) : allEqual(integers))
    return DenseElementsAttr::get(type, isReal()
                                            ? element(elementType, reals[0])
                                            : element(elementType, integers[0]));
  if (elementType.isF32()) {
    std::vector<float> rounded(reals.begin(), reals.end());
    return DenseElementsAttr::get(type, ArrayRef<float>(rounded));
  }
  if (elementType.isInteger(64))
    return DenseElementsAttr::get(type, ArrayRef<int64_t>(integers));
  if (elementType.isInteger(1)) {
    SmallVector<bool> bits(integers.begin(), integers.end());
    return DenseElementsAttr::get(type, ArrayRef<bool>(bits));
  }
  SmallVector<Attribute> elements;
  for (double v : reals)
    elements.push_back(element(elementType, v));
  for (int64_t v : integers)
    elements.push_back(element(elementType, v));
  return DenseElementsAttr::get(type, elements);
}

DenseElementsAttr bitpipe::toF32(DenseElementsAttr attr) {
  auto type = cast<RankedTensorType>(attr.getType());
  type = type.clone(Float32Type::get(attr.getContext()));
  if (attr.isSplat())
    return DenseElementsAttr::get(
        type, fromDouble(attr.getSplatValue<APFloat>().convertToDouble()));
  std::vector<float> values;
  values.reserve(attr.getNumElements());
  for (const APFloat &value : attr.getValues<APFloat>())
    values.push_back(fromDouble(value.convertToDouble()));
  return DenseElementsAttr::get(type, ArrayRef<float>(values));
}

SmallVector<int64_t> bitpipe::stridesOf(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;)
    strides[i - 1] = strides[i] * shape[i];
  return strides;
}

SmallVector<int64_t> bitpipe::broadcastStrides(ArrayRef<int64_t> shape,
                                               ArrayRef<int64_t> to) {
  SmallVector<int64_t> strides(to.size(), 0);
  SmallVector<int64_t> own = stridesOf(shape);
  size_t missing = to.size() - shape.size();
  for (size_t i = 0; i < shape.size(); ++i)
    if (shape[i] != 1)
      strides[missing + i] = own[i];
  return strides;
}

int64_t bitpipe::linear(ArrayRef<int64_t> index, ArrayRef<int64_t> strides) {
  int64_t at = 0;
  for (auto [i, stride] : llvm::zip(index, strides))
    at += i * stride;
  return at;
}

/// Reads the part of the file that the parameter points to.
static FailureOr<DenseElementsAttr> readFile(pipe::ParameterOp parameter) {
  RankedTensorType type = parameter.getStoredType();
  Type element = type.getElementType();
  int64_t bytes = byteSize(type);
  auto slice = llvm::MemoryBuffer::getFileSlice(*parameter.getFile(), bytes,
                                                *parameter.getOffset());
  if (!slice || int64_t((*slice)->getBufferSize()) < bytes)
    return mlir::emitError(parameter.getLoc())
           << "cannot read parameter '" << parameter.getSymName() << "' from '"
           << *parameter.getFile() << "': "
           << (slice ? "the file is too short"
                     : slice.getError().message());
  ArrayRef<char> raw((*slice)->getBufferStart(), bytes);
  if (parameter.getStored())
    return toF32(DenseElementsAttr::getFromRawBuffer(type, raw));
  if (!element.isInteger(1))
    return DenseElementsAttr::getFromRawBuffer(type, raw);
  SmallVector<bool> values(raw.begin(), raw.end());
  return DenseElementsAttr::get(type, ArrayRef<bool>(values));
}

FailureOr<DenseElementsAttr> ParameterReader::read(Value value, int64_t limit) {
  if (DenseElementsAttr attr = constantOf(value))
    return attr;
  auto get = value ? value.getDefiningOp<pipe::GetParameterOp>()
                   : pipe::GetParameterOp();
  if (!get || get.getType().getNumElements() > limit)
    return DenseElementsAttr();
  auto parameter = symbols.lookup<pipe::ParameterOp>(get.getParameter());
  if (!parameter || parameter.isSaved())
    return DenseElementsAttr();
  DenseElementsAttr &attr = cache[parameter];
  if (attr)
    return attr;
  if (parameter.getValue()) {
    attr = dyn_cast<DenseElementsAttr>(*parameter.getValue());
    return attr;
  }
  FailureOr<DenseElementsAttr> data = readFile(parameter);
  if (succeeded(data))
    attr = *data;
  return data;
}
