//===- WriteWeights.cpp - Parameters into one safetensors file -------------===//

#include "lib/Transforms/Lower/WriteWeights.h"

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Files/Error.h"
#include "lib/Files/OutputFile.h"
#include "lib/Files/Safetensors.h"
#include "lib/Files/WrittenBy.h"
#include "lib/Runtime/Hash.h"
#include "lib/Transforms/Lower/Passes.h"
#include "lib/Transforms/Lower/Place.h"

#include "mlir/IR/Builders.h"
#include "llvm/Support/Path.h"

#include <cerrno>
#include <fstream>

namespace bitpipe {
#define GEN_PASS_DEF_WRITEWEIGHTS
#include "lib/Transforms/Lower/Passes.h.inc"
} // namespace bitpipe

using namespace mlir;
using namespace bitpipe;
using namespace bitpipe::lower;

/// The name safetensors has for an element type; empty if it has none.
static std::string elementName(Type type) {
  if (type.isF32())
    return "F32";
  if (type.isF64())
    return "F64";
  if (type.isF16())
    return "F16";
  if (type.isBF16())
    return "BF16";
  if (type.isInteger(1))
    return "BOOL";
  if (auto integer = dyn_cast<IntegerType>(type))
    if (llvm::is_contained({8u, 16u, 32u, 64u}, integer.getWidth()))
      return (integer.isUnsigned() ? "U" : "I") +
             std::to_string(integer.getWidth());
  return "";
}

namespace {

class WeightsWriter {
public:
  WeightsWriter(ModuleOp module, StringRef path)
      : module(module), file(path.str()) {}

  FailureOr<std::string> run() {
    if (failed(addHeader()))
      return failure();
    for (auto parameter : module.getOps<pipe::ParameterOp>())
      if (failed(parameter.getValue() ? addValue(parameter)
                                      : addFromFile(parameter)))
        return failure();
    file.commit();
    return hash.digest();
  }

private:
  void add(const char *data, size_t bytes) {
    file.write(data, bytes);
    hash.add(data, bytes);
  }

  LogicalResult addHeader() {
    std::vector<TensorEntry> entries;
    for (auto parameter : module.getOps<pipe::ParameterOp>()) {
      auto type = cast<RankedTensorType>(parameter.getType());
      std::string element = elementName(type.getElementType());
      if (element.empty())
        return emitError(parameter.getLoc())
               << "parameter '" << parameter.getSymName() << "' has type "
               << type << ", expected elements that safetensors can hold";
      entries.push_back({parameter.getSymName().str(), element,
                         std::vector<int64_t>(type.getShape()),
                         tensorBytes(type)});
    }
    std::string header = safetensorsHeader(entries);
    add(header.data(), header.size());
    return success();
  }

  LogicalResult addValue(pipe::ParameterOp parameter) {
    auto value = dyn_cast<DenseElementsAttr>(*parameter.getValue());
    auto type = cast<RankedTensorType>(parameter.getType());
    if (!value)
      return emitError(parameter.getLoc())
             << "parameter '" << parameter.getSymName()
             << "' has a value of another kind, expected dense elements";
    if (type.getElementType().isInteger(1)) {
      std::vector<char> bytes;
      for (bool element : value.getValues<bool>())
        bytes.push_back(element);
      add(bytes.data(), bytes.size());
      return success();
    }
    ArrayRef<char> raw = value.getRawData();
    int64_t repeats = value.isSplat() ? type.getNumElements() : 1;
    for (int64_t i = 0; i < repeats; ++i)
      add(raw.data(), raw.size());
    return success();
  }

  LogicalResult addFromFile(pipe::ParameterOp parameter) {
    std::string path = parameter.getFile()->str();
    errno = 0;
    if (path != sourcePath) {
      source = std::ifstream(path, std::ios::binary);
      sourcePath = path;
    }
    source.clear();
    source.seekg(*parameter.getOffset());
    int64_t total = tensorBytes(parameter.getStoredType()), copied = 0;
    while (copied < total) {
      int64_t piece = std::min<int64_t>(total - copied, buffer.size());
      if (!source.read(buffer.data(), piece))
        return emitError(parameter.getLoc())
               << "parameter '" << parameter.getSymName() << "' needs " << total
               << " bytes at " << *parameter.getOffset() << " of " << path
               << ", got " << copied + source.gcount()
               << (errno ? std::string(": ") + std::strerror(errno) : "");
      addPiece(parameter, piece);
      copied += piece;
    }
    return success();
  }

  /// Adds what is in the buffer, in the type of the parameter.
  void addPiece(pipe::ParameterOp parameter, int64_t bytes) {
    if (!parameter.getStored())
      return add(buffer.data(), bytes);
    StoredFloat stored = storedFloat(*parameter.getStored());
    int64_t count = bytes / sizeOf(stored);
    converted.resize(count * sizeof(float));
    readFloats(stored, buffer.data(), converted.data(), count);
    add(converted.data(), converted.size());
  }

  static StoredFloat storedFloat(Type type) {
    return type.isF16()    ? StoredFloat::F16
           : type.isBF16() ? StoredFloat::BF16
           : type.isF64()  ? StoredFloat::F64
                           : StoredFloat::F32;
  }

  ModuleOp module;
  OutputFile file;
  Hash hash;
  std::ifstream source; // the last one read from
  std::string sourcePath;
  std::vector<char> buffer = std::vector<char>(4 << 20);
  std::vector<char> converted;
};

class WriteWeights : public bitpipe::impl::WriteWeightsBase<WriteWeights> {
public:
  using WriteWeightsBase::WriteWeightsBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto trainings = llvm::to_vector(module.getOps<pipe::TrainingOp>());
    if (trainings.size() != 1 || file.empty()) {
      emitError(module.getLoc())
          << "module has " << trainings.size() << " pipe.training and file '"
          << file << "', expected one of both";
      return signalPassFailure();
    }
    auto hash = writeWeights(module, file);
    if (failed(hash))
      return signalPassFailure();
    trainings[0].setWeights(llvm::sys::path::filename(file));
    trainings[0].setWeightsHash(*hash);
    for (auto parameter :
         llvm::make_early_inc_range(module.getOps<pipe::ParameterOp>())) {
      OpBuilder builder(parameter);
      if (parameter.isSaved())
        pipe::SavedOp::create(builder, parameter.getLoc(),
                              parameter.getSymNameAttr(),
                              parameter.getTypeAttr(), parameter.getStoredAttr(),
                              parameter.getAliasesAttr());
      parameter.erase();
    }
  }
};

} // namespace

FailureOr<std::string> bitpipe::writeWeights(ModuleOp module, StringRef file) {
  try {
    refuseToReplace(file.str(), FileKind::Weights);
    return WeightsWriter(module, file).run();
  } catch (const WriteError &error) {
    return emitError(module.getLoc()) << error.path << ": " << error.why;
  }
}
