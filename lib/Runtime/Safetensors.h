//===- Safetensors.h - Named tensors in a file ----------------------------===//
//
// The format: 8 bytes with the length of a JSON header, the header (name ->
// dtype, shape, data_offsets), the data.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_SAFETENSORS_H
#define BITPIPE_RUNTIME_SAFETENSORS_H

#include "lib/Runtime/MappedFile.h"
#include "lib/Runtime/Program.h"

#include <map>

namespace bitpipe {

/// A tensor in a mapped file.
struct StoredTensor {
  std::string dtype; // as in the file: "F32"
  std::vector<int64_t> shape;
  const char *data;
  int64_t bytes;
};

class SafetensorsFile {
public:
  /// Maps and reads the header; throws a UserError that calls it `what`.
  SafetensorsFile(const std::string &path, const std::string &what);

  const std::string &path() const { return file.path(); }
  const StoredTensor *find(const std::string &name) const;
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

/// A tensor to write.
struct NamedTensor {
  std::string name;
  TensorType type;
  const char *data;
};

/// Writes a file beside the path and renames it when it is complete.
void writeSafetensors(const std::string &path,
                      const std::vector<NamedTensor> &tensors);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_SAFETENSORS_H
