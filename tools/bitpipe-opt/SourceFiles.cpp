//===- SourceFiles.cpp - Whether a text still belongs to its model ---------===//

#include "tools/bitpipe-opt/SourceFiles.h"

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Runtime/Hash.h"

#include "mlir/IR/Builders.h"

using namespace mlir;

namespace bitpipe {

/// A dictionary: the hash of every file, by its path.
static constexpr StringLiteral filesAttribute = "pipe.files";

static FailureOr<std::string> hashOf(ModuleOp module, StringRef path) {
  if (std::optional<std::string> hash = hashFile(path.str()))
    return *hash;
  return emitError(module.getLoc())
         << "cannot read '" << path << "', where parameters lie: "
         << std::error_code(errno, std::generic_category()).message();
}

LogicalResult noteSourceFiles(ModuleOp module) {
  if (module->hasAttr(filesAttribute))
    return success();
  Builder b(module.getContext());
  NamedAttrList hashes;
  for (auto parameter : module.getOps<pipe::ParameterOp>()) {
    auto path = parameter.getFile();
    if (!path || hashes.get(*path))
      continue;
    FailureOr<std::string> hash = hashOf(module, *path);
    if (failed(hash))
      return failure();
    hashes.append(*path, b.getStringAttr(*hash));
  }
  if (!hashes.empty())
    module->setAttr(filesAttribute, hashes.getDictionary(module.getContext()));
  return success();
}

LogicalResult checkSourceFiles(ModuleOp module) {
  auto files = dyn_cast_or_null<DictionaryAttr>(module->removeAttr(filesAttribute));
  if (!files)
    return success();
  for (NamedAttribute file : files) {
    StringRef path = file.getName();
    auto expected = dyn_cast<StringAttr>(file.getValue());
    FailureOr<std::string> hash = hashOf(module, path);
    if (failed(hash))
      return failure();
    if (!expected || expected.getValue() != *hash)
      return emitError(module.getLoc())
             << "'" << path << "' was changed since this text was made from it: its "
             << "hash is " << *hash << ", expected " << file.getValue()
             << ": compile the model again";
  }
  return success();
}

} // namespace bitpipe
