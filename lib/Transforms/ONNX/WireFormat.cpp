//===- WireFormat.cpp - Where initializers lie in an ONNX file -------------===//

#include "lib/Transforms/ONNX/WireFormat.h"
#include "lib/Transforms/ONNX/onnx.pb.h"

#include "llvm/ADT/STLFunctionalExtras.h"

using namespace llvm;

namespace {

enum WireType { Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 };

/// Reads one message: a sequence of (key, value), a key being the field number
/// and how the value is encoded.
class Message {
public:
  Message(StringRef bytes) : rest(bytes) {}

  /// Moves to the next field; false at the end.
  bool next() {
    if (rest.empty())
      return false;
    uint64_t key = varint();
    field = key >> 3;
    value = StringRef();
    switch (key & 7) {
    case Varint:
      varint();
      return true;
    case Fixed64:
      rest = rest.drop_front(8);
      return true;
    case Bytes: {
      uint64_t size = varint();
      value = rest.take_front(size);
      rest = rest.drop_front(value.size());
      return true;
    }
    case Fixed32:
      rest = rest.drop_front(4);
      return true;
    }
    rest = StringRef(); // protobuf would have refused the file
    return false;
  }

  uint64_t field = 0;
  StringRef value; ///< Of a field of bytes.

private:
  uint64_t varint() {
    uint64_t result = 0;
    for (int shift = 0; shift < 64 && !rest.empty(); shift += 7) {
      uint8_t byte = rest.front();
      rest = rest.drop_front();
      result |= uint64_t(byte & 0x7f) << shift;
      if (!(byte & 0x80))
        break;
    }
    return result;
  }

  StringRef rest;
};

void forEachField(StringRef message, uint64_t field,
                  function_ref<void(StringRef)> visit) {
  Message reader(message);
  while (reader.next())
    if (reader.field == field)
      visit(reader.value);
}

/// The one piece that holds the tensor's data as raw bytes or packed floats.
StringRef dataOf(StringRef tensor) {
  StringRef data;
  int pieces = 0;
  Message reader(tensor);
  while (reader.next()) {
    if (reader.field != bitpipe::onnx::Tensor::kRawDataFieldNumber &&
        reader.field != bitpipe::onnx::Tensor::kFloatDataFieldNumber &&
        reader.field != bitpipe::onnx::Tensor::kDoubleDataFieldNumber)
      continue;
    data = reader.value;
    ++pieces;
  }
  return pieces == 1 ? data : StringRef();
}

} // namespace

std::vector<int64_t> bitpipe::initializerOffsets(StringRef file) {
  std::vector<int64_t> offsets;
  forEachField(file, onnx::Model::kGraphFieldNumber, [&](StringRef graph) {
    forEachField(graph, onnx::Graph::kInitializerFieldNumber,
                 [&](StringRef tensor) {
                   StringRef data = dataOf(tensor);
                   offsets.push_back(data.empty() ? -1
                                                  : data.data() - file.data());
                 });
  });
  return offsets;
}
