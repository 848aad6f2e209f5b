//===- JsonFile.h - Values from a JSON file ----------------------*- C++ -*-===//

#ifndef BITPIPE_COSTS_JSONFILE_H
#define BITPIPE_COSTS_JSONFILE_H

#include "lib/Transforms/Schedule/Core/Text.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/JSON.h"

#include <string>

namespace bitpipe {

/// Takes a JSON file apart. Every function returns false once something is
/// wrong, and notes what: the file and the place, what is there, what is
/// expected.
class JsonFile {
public:
  explicit JsonFile(llvm::StringRef path) : path(path) {}

  /// What went wrong, on one line.
  const std::string &getError() const { return error; }

protected:
  enum class Range { Positive, NotNegative };

  /// Reads the whole file. No object in it has a key twice.
  bool parse(llvm::json::Value &value);

  bool fail(const llvm::Twine &text) {
    error = schedule::oneLine(path) + ": " + text.str();
    return false;
  }

  /// An object that has no keys but these.
  bool takeObject(const llvm::json::Value &value, llvm::StringRef place,
                  llvm::ArrayRef<llvm::StringRef> keys,
                  const llvm::json::Object *&object);
  /// A number that can be added, multiplied and divided.
  bool takeNumber(const llvm::json::Value &value, const llvm::Twine &place,
                  Range range, double &target);
  /// Leaves the target alone where the key is missing.
  bool takeField(const llvm::json::Object &object, llvm::StringRef place,
                 llvm::StringRef key, Range range, double &target);
  /// A whole number that must be there.
  bool takeIndex(const llvm::json::Object &object, llvm::StringRef place,
                 llvm::StringRef key, int least, int most, int &target);

  /// A value as the file writes it, shortened if it is long.
  static std::string show(const llvm::json::Value &value);

private:
  std::string path, error;
};

} // namespace bitpipe

#endif // BITPIPE_COSTS_JSONFILE_H
