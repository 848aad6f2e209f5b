//===- Reader.cpp - An ONNX file -------------------------------------------===//

#include "lib/Transforms/ONNX/Reader.h"
#include "lib/Files/Floats.h"
#include "lib/Transforms/ONNX/Node.h"
#include "lib/Transforms/ONNX/WireFormat.h"

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace bitpipe;

namespace {

constexpr int kExternal = 1;    // Tensor.data_location
constexpr int kUnsigned32 = 12; // Tensor.data_type

/// Bytes per element, in the file, of a type that isWidened.
int64_t widenedBytes(int onnxType) {
  return onnxType == kUnsigned32 ? 4 : onnxType >= 4 ? 2 : 1;
}

template <typename From>
void append(StringRef raw, SmallVectorImpl<int64_t> &values) {
  for (size_t at = 0; at < raw.size(); at += sizeof(From)) {
    From value;
    memcpy(&value, raw.data() + at, sizeof(From));
    values.push_back(value);
  }
}

/// The raw data of a tensor whose type isWidened; nothing if it has another
/// number of values.
std::optional<SmallVector<int64_t>> widen(const onnx::Tensor &tensor,
                                          int64_t count) {
  StringRef raw = tensor.raw_data();
  int type = tensor.data_type();
  if (int64_t(raw.size()) != count * widenedBytes(type))
    return std::nullopt;
  SmallVector<int64_t> values;
  switch (type) {
  case 2:
    append<uint8_t>(raw, values);
    break;
  case 3:
    append<int8_t>(raw, values);
    break;
  case 4:
    append<uint16_t>(raw, values);
    break;
  case 5:
    append<int16_t>(raw, values);
    break;
  case kUnsigned32:
    append<uint32_t>(raw, values);
    break;
  }
  return values;
}

} // namespace

Type bitpipe::elementType(int onnxType, MLIRContext *context) {
  Builder b(context);
  switch (onnxType) {
  case 1:
    return b.getF32Type();
  case 2: // uint8, int8, uint16, int16
  case 3:
  case 4:
  case 5:
  case 6:
    return b.getI32Type();
  case 7:
  case 12: // uint32
    return b.getI64Type();
  case 9:
    return b.getI1Type();
  case 10:
    return b.getF16Type();
  case 11:
    return b.getF64Type();
  case 16:
    return b.getBF16Type();
  }
  return {};
}

bool bitpipe::isWidened(int onnxType) {
  return (onnxType >= 2 && onnxType <= 5) || onnxType == 12;
}

std::string bitpipe::elementTypeName(int onnxType) {
  static constexpr StringLiteral names[] = {
      "undefined",      "float",      "uint8",        "int8",
      "uint16",         "int16",      "int32",        "int64",
      "string",         "bool",       "float16",      "double",
      "uint32",         "uint64",     "complex64",    "complex128",
      "bfloat16",       "float8e4m3fn", "float8e4m3fnuz", "float8e5m2",
      "float8e5m2fnuz", "uint4",      "int4",         "float4e2m1",
      "float8e8m0",     "uint2",      "int2"};
  if (onnxType < 0 || onnxType >= int(std::size(names)))
    return "number " + std::to_string(onnxType);
  return names[onnxType].str();
}

std::unique_ptr<ModelFile> ModelFile::open(StringRef path,
                                           MLIRContext *context) {
  Location loc = FileLineColLoc::get(context, path, 0, 0);
  // No terminating zero, so that the file is mapped and not read.
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer) {
    emitError(loc) << "cannot open the model: " << buffer.getError().message();
    return nullptr;
  }
  StringRef bytes = (*buffer)->getBuffer();
  if (bytes.size() > INT32_MAX) {
    emitError(loc) << "the model has " << bytes.size()
                   << " bytes, expected less than 2 GiB: larger ones keep "
                      "their weights in external data files";
    return nullptr;
  }
  std::unique_ptr<ModelFile> file(new ModelFile(loc));
  if (!file->proto.ParseFromArray(bytes.data(), bytes.size())) {
    emitError(loc) << "the file is not an ONNX model, or it is truncated ("
                   << bytes.size() << " bytes)";
    return nullptr;
  }
  if (!file->proto.has_graph() || file->proto.ir_version() < 1 ||
      file->proto.opset_import_size() == 0) {
    emitError(loc) << "the file is not an ONNX model: it has no graph, "
                      "version or operator set";
    return nullptr;
  }
  file->path = path.str();
  file->offsets = initializerOffsets(bytes);
  file->buffer = std::move(*buffer);
  return file;
}

int ModelFile::addInitializer(onnx::Tensor tensor, int64_t offset) {
  *mutableGraph().add_initializer() = std::move(tensor);
  int index = graph().initializer_size() - 1;
  offsets.resize(index + 1, -1);
  offsets[index] = offset;
  return index;
}

FailureOr<RankedTensorType> ModelFile::type(const onnx::Tensor &tensor) {
  Type element = elementType(tensor.data_type(), location.getContext());
  if (!element)
    return emitError(location)
           << "tensor '" << tensor.name() << "' has type "
           << elementTypeName(tensor.data_type())
           << ", expected float, double, float16, bfloat16, bool or an integer "
              "type of at most 64 bits but uint64";
  SmallVector<int64_t> shape(tensor.dims().begin(), tensor.dims().end());
  if (!countElements(shape))
    return emitError(location) << "tensor '" << tensor.name() << "' has shape ["
                               << shape << "], expected sizes of at least 0 and "
                               << "at most 2^40 elements";
  return RankedTensorType::get(shape, element);
}

FailureOr<Payload> ModelFile::externalPayload(const onnx::Tensor &tensor,
                                              int64_t bytes) {
  StringRef name = metadata(tensor.external_data(), "location");
  int64_t offset = 0, length = bytes;
  StringRef offsetText = metadata(tensor.external_data(), "offset");
  StringRef lengthText = metadata(tensor.external_data(), "length");
  if (name.empty() || (!offsetText.empty() && offsetText.getAsInteger(10, offset)) ||
      (!lengthText.empty() && lengthText.getAsInteger(10, length)) || offset < 0)
    return emitError(location) << "tensor '" << tensor.name()
                               << "' says wrongly where its external data is";
  if (length != bytes)
    return emitError(location)
           << "external data of tensor '" << tensor.name() << "' has " << length
           << " bytes, expected " << bytes;
  SmallString<256> file = llvm::sys::path::parent_path(path);
  llvm::sys::path::append(file, name);
  uint64_t size = 0;
  if (std::error_code error = llvm::sys::fs::file_size(file, size))
    return emitError(location)
           << "external data file '" << file << "' of tensor '" << tensor.name()
           << "': " << error.message();
  if (uint64_t(offset) + uint64_t(bytes) > size)
    return emitError(location)
           << "external data file '" << file << "' has " << size
           << " bytes, expected at least " << offset + bytes << " for tensor '"
           << tensor.name() << "'";
  return Payload{std::string(file), offset};
}

FailureOr<std::optional<Payload>> ModelFile::payload(int index) {
  const onnx::Tensor &tensor = graph().initializer(index);
  FailureOr<RankedTensorType> tensorType = type(tensor);
  if (failed(tensorType))
    return failure();
  int64_t bytes = byteSize(*tensorType);
  if (isWidened(tensor.data_type()))
    return std::optional<Payload>();
  if (tensor.data_location() == kExternal) {
    FailureOr<Payload> external = externalPayload(tensor, bytes);
    if (failed(external))
      return failure();
    return std::optional<Payload>(*external);
  }
  int64_t held = tensor.has_raw_data()
                     ? tensor.raw_data().size()
                     : tensor.float_data_size() * sizeof(float) +
                           tensor.double_data_size() * sizeof(double);
  if (tensor.has_raw_data() && held != bytes)
    return emitError(location) << "tensor '" << tensor.name() << "' holds "
                               << held << " bytes, expected " << bytes;
  if (held != bytes || index >= int(offsets.size()) || offsets[index] < 0)
    return std::optional<Payload>();
  return std::optional<Payload>(Payload{path, offsets[index]});
}

FailureOr<DenseElementsAttr> ModelFile::value(const onnx::Tensor &tensor) {
  FailureOr<RankedTensorType> tensorType = type(tensor);
  if (failed(tensorType))
    return failure();
  if (tensor.data_location() == kExternal) {
    int64_t bytes = isWidened(tensor.data_type())
                        ? tensorType->getNumElements() *
                              widenedBytes(tensor.data_type())
                        : byteSize(*tensorType);
    FailureOr<Payload> place = externalPayload(tensor, bytes);
    if (failed(place))
      return failure();
    auto data = llvm::MemoryBuffer::getFileSlice(place->file, bytes, place->offset);
    if (!data)
      return emitError(location) << "external data file '" << place->file
                                 << "': " << data.getError().message();
    onnx::Tensor inside = tensor;
    inside.set_data_location(0);
    inside.set_raw_data((*data)->getBufferStart(), bytes);
    return value(inside);
  }
  Type element = tensorType->getElementType();
  int64_t count = tensorType->getNumElements();
  auto wrongCount = [&](int64_t held) {
    return emitError(location) << "tensor '" << tensor.name() << "' holds "
                               << held << " values, expected " << count;
  };

  if (tensor.has_raw_data() && isWidened(tensor.data_type())) {
    auto values = widen(tensor, count);
    if (!values)
      return wrongCount(tensor.raw_data().size() /
                        widenedBytes(tensor.data_type()));
    return element.isInteger(64)
               ? DenseElementsAttr::get(*tensorType, ArrayRef<int64_t>(*values))
               : DenseElementsAttr::get(
                     *tensorType,
                     ArrayRef<int32_t>(SmallVector<int32_t>(
                         values->begin(), values->end())));
  }
  if (tensor.has_raw_data() || count == 0) {
    int64_t size = tensor.raw_data().size();
    if (size != byteSize(*tensorType))
      return emitError(location)
             << "tensor '" << tensor.name() << "' holds " << size
             << " bytes, expected " << byteSize(*tensorType);
    ArrayRef<char> raw(tensor.raw_data().data(), size);
    if (!element.isInteger(1))
      return DenseElementsAttr::getFromRawBuffer(*tensorType, raw);
    SmallVector<bool> bits(raw.begin(), raw.end());
    return DenseElementsAttr::get(*tensorType, ArrayRef<bool>(bits));
  }
  if (element.isF32()) {
    if (tensor.float_data_size() != count)
      return wrongCount(tensor.float_data_size());
    return DenseElementsAttr::get(
        *tensorType, ArrayRef<float>(tensor.float_data().data(), count));
  }
  if (element.isF64()) {
    if (tensor.double_data_size() != count)
      return wrongCount(tensor.double_data_size());
    return DenseElementsAttr::get(
        *tensorType, ArrayRef<double>(tensor.double_data().data(), count));
  }
  // Everything else is held as int64, uint64 or int32, floats of 16 bits as
  // their bits.
  bool unsigned32 = tensor.data_type() == kUnsigned32;
  bool wide = element.isInteger(64) && !unsigned32;
  int64_t held = unsigned32 ? tensor.uint64_data_size()
                 : wide     ? tensor.int64_data_size()
                            : tensor.int32_data_size();
  if (held != count)
    return wrongCount(held);
  SmallVector<Attribute> values;
  for (int64_t i = 0; i < count; ++i) {
    int64_t v = unsigned32 ? int64_t(tensor.uint64_data(i))
                : wide     ? tensor.int64_data(i)
                           : tensor.int32_data(i);
    APInt bits(element.getIntOrFloatBitWidth(), v, /*isSigned=*/true,
               /*implicitTrunc=*/true);
    if (auto type = dyn_cast<FloatType>(element))
      values.push_back(
          FloatAttr::get(type, APFloat(type.getFloatSemantics(), bits)));
    else
      values.push_back(IntegerAttr::get(element, bits));
  }
  return DenseElementsAttr::get(*tensorType, values);
}

FailureOr<std::vector<float>> ModelFile::floats(int index, int64_t most,
                                                int64_t first) {
  const onnx::Tensor &tensor = graph().initializer(index);
  FailureOr<RankedTensorType> tensorType = type(tensor);
  FailureOr<std::optional<Payload>> place = payload(index);
  if (failed(tensorType) || failed(place))
    return failure();
  std::vector<float> numbers(std::min(most, tensorType->getNumElements() - first));
  if (!*place) { // small, or in an unusual form
    FailureOr<DenseElementsAttr> dense = value(tensor);
    if (failed(dense))
      return failure();
    auto values = dense->getValues<APFloat>();
    for (size_t i = 0; i < numbers.size(); ++i)
      numbers[i] = fromDouble(values[first + i].convertToDouble());
    return numbers;
  }
  Type element = tensorType->getElementType();
  StoredFloat stored = element.isF16()    ? StoredFloat::F16
                       : element.isBF16() ? StoredFloat::BF16
                       : element.isF64()  ? StoredFloat::F64
                                          : StoredFloat::F32;
  int64_t bytes = numbers.size() * sizeOf(stored);
  auto data = llvm::MemoryBuffer::getFileSlice(
      (*place)->file, bytes, (*place)->offset + first * sizeOf(stored));
  if (!data || int64_t((*data)->getBufferSize()) < bytes)
    return emitError(location) << "cannot read tensor '" << tensor.name()
                               << "' from '" << (*place)->file << "'";
  readFloats(stored, (*data)->getBufferStart(),
             reinterpret_cast<char *>(numbers.data()), numbers.size());
  return numbers;
}
