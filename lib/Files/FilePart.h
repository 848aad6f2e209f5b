//===- FilePart.h - A part of a file that several write --------------------===//
//
// Processes that write one file together: one of them makes it (OutputFile) with
// its final size and gives it its name in the end, each writes its own bytes.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_FILES_FILEPART_H
#define BITPIPE_FILES_FILEPART_H

#include <cstdint>
#include <string>

namespace bitpipe {

class FilePart {
public:
  /// Opens a file that is there. Every member throws a WriteError that calls it
  /// `name` if the system refuses.
  FilePart(const std::string &path, const std::string &name);
  ~FilePart();
  FilePart(const FilePart &) = delete;
  FilePart &operator=(const FilePart &) = delete;

  void write(int64_t offset, const void *data, int64_t bytes);
  /// Brings what was written to the disk.
  void sync();

private:
  [[noreturn]] void refuse();

  std::string name;
  int file;
};

} // namespace bitpipe

#endif // BITPIPE_FILES_FILEPART_H
