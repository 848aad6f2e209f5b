//===- Reader.h - An ONNX file ---------------------------------------------===//
//
// Opens an ONNX file and says where its tensors lie. Weights stay in their
// files: what the compiler keeps of them is a file name and an offset.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_ONNX_READER_H
#define BITPIPE_TRANSFORMS_ONNX_READER_H

#include "lib/Transforms/ONNX/onnx.pb.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Location.h"
#include "mlir/Support/LLVM.h"
#include "llvm/Support/MemoryBuffer.h"

namespace bitpipe {

/// Dense little-endian data in a file.
struct Payload {
  std::string file;
  int64_t offset;
};

class ModelFile {
public:
  /// Opens and parses `path`; reports what is wrong with it otherwise.
  static std::unique_ptr<ModelFile> open(llvm::StringRef path,
                                         mlir::MLIRContext *context);

  const onnx::Model &model() const { return proto; }
  const onnx::Graph &graph() const { return proto.graph(); }
  mlir::Location loc() const { return location; }

  /// For what is corrected before the graph is read.
  onnx::Graph &mutableGraph() { return *proto.mutable_graph(); }
  /// Adds an initializer whose data lies at `offset` of the file, -1 if it has
  /// it only itself. Returns its index.
  int addInitializer(onnx::Tensor tensor, int64_t offset);
  int64_t offsetOf(int index) const {
    return index < int(offsets.size()) ? offsets[index] : -1;
  }

  /// The type of a tensor in the file.
  mlir::FailureOr<mlir::RankedTensorType> type(const onnx::Tensor &tensor);

  /// Where the data of initializer `index` lies; nothing when the file holds
  /// it in a form other than dense little endian (then it has a value()).
  mlir::FailureOr<std::optional<Payload>> payload(int index);

  /// The numbers of a float initializer, up to `most` of them from number `first`
  /// on, which is one of them or where they end.
  mlir::FailureOr<std::vector<float>> floats(int index, int64_t most,
                                             int64_t first = 0);

  /// The values of a tensor.
  mlir::FailureOr<mlir::DenseElementsAttr> value(const onnx::Tensor &tensor);

private:
  ModelFile(mlir::Location location) : location(location) {}
  mlir::FailureOr<Payload> externalPayload(const onnx::Tensor &tensor,
                                           int64_t bytes);

  mlir::Location location;
  std::string path;
  std::unique_ptr<llvm::MemoryBuffer> buffer;
  onnx::Model proto;
  /// Per initializer the offset of its data in the file, or -1.
  std::vector<int64_t> offsets;
};

/// The MLIR type of an ONNX element type, null if it has no meaning here.
/// Integers of 8 and 16 bits are held in i32, unsigned ones of 32 bits in i64.
mlir::Type elementType(int onnxType, mlir::MLIRContext *context);

/// Whether such integers are held in a wider type. What wraps around in the
/// file would not wrap here.
bool isWidened(int onnxType);

/// ONNX's name of an element type: "float16", "int4".
std::string elementTypeName(int onnxType);

/// The value of `key` in a list of metadata, empty if it is not there.
template <typename Entries>
llvm::StringRef metadata(const Entries &entries, llvm::StringRef key) {
  for (const onnx::Entry &entry : entries)
    if (entry.key() == key)
      return entry.value();
  return {};
}

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_ONNX_READER_H
