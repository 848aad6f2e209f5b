//===- MappedFile.h - A file as memory ------------------------------------===//

#ifndef BITPIPE_FILES_MAPPEDFILE_H
#define BITPIPE_FILES_MAPPEDFILE_H

#include <cstdint>
#include <string>

namespace bitpipe {

/// A file mapped for reading; only what is read enters memory.
class MappedFile {
public:
  /// Throws a UserError that calls the file `what` ("data").
  MappedFile(const std::string &path, const std::string &what);
  ~MappedFile();
  MappedFile(const MappedFile &) = delete;
  MappedFile &operator=(const MappedFile &) = delete;

  const std::string &path() const { return name; }
  const char *data() const { return start; }
  int64_t size() const { return bytes; }

private:
  std::string name;
  const char *start = nullptr;
  int64_t bytes = 0;
};

} // namespace bitpipe

#endif // BITPIPE_FILES_MAPPEDFILE_H
