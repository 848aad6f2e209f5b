//===- Safetensors.h - Named tensors in a file ----------------------------===//
//
// The format: 8 bytes with the length of a JSON header, the header (name ->
// dtype, shape, data_offsets), the data.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_FILES_SAFETENSORS_H
#define BITPIPE_FILES_SAFETENSORS_H

#include "lib/Files/Floats.h"
#include "lib/Files/MappedFile.h"

#include <map>
#include <optional>
#include <vector>

namespace bitpipe {

/// A tensor in a mapped file.
struct StoredTensor {
  std::string dtype; // as in the file: "F32"
  std::vector<int64_t> shape;
  const char *data;
  int64_t bytes;
};

/// How a dtype stores floats; nothing if it is none that can be read as f32.
std::optional<StoredFloat> storedFloat(const std::string &dtype);

class SafetensorsFile {
public:
  /// Maps and reads the header; throws a UserError that calls it `what`.
  SafetensorsFile(const std::string &path, const std::string &what);

  const std::string &path() const { return file.path(); }
  const StoredTensor *find(const std::string &name) const;
  const std::map<std::string, StoredTensor> &all() const { return tensors; }
  /// Where in the file the tensor's data begin.
  int64_t offsetOf(const StoredTensor &tensor) const {
    return tensor.data - file.data();
  }
  /// "a, b, c", for messages.
  std::string names() const;

private:
  MappedFile file;
  std::map<std::string, StoredTensor> tensors;
};

/// A tensor that a file will hold. Data follow the header in the order of the
/// entries, without gaps.
struct TensorEntry {
  std::string name, dtype;
  std::vector<int64_t> shape;
  int64_t bytes;
};

/// What a file of these tensors begins with: length, header, blanks to a multiple
/// of 8. The metadata say that bitpipe wrote it, and what else is given.
std::string
safetensorsHeader(const std::vector<TensorEntry> &entries,
                  const std::map<std::string, std::string> &metadata = {});

/// A tensor of f32 to write, in another type if wanted.
struct NamedTensor {
  std::string name;
  std::vector<int64_t> shape;
  StoredFloat stored;
  const char *data;

  int64_t elements() const;
  int64_t bytes() const { return elements() * sizeOf(stored); }
  TensorEntry entry() const { return {name, nameOf(stored), shape, bytes()}; }
};

/// Writes a file beside the path and renames it when it is complete.
void writeSafetensors(const std::string &path,
                      const std::vector<NamedTensor> &tensors);

} // namespace bitpipe

#endif // BITPIPE_FILES_SAFETENSORS_H
