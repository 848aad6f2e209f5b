//===- DataFile.h - A data file that is read while training ---------------===//
//
// Data are read when a step needs them, into the step's own memory. A file that
// is cut off or written to meanwhile is then an error with a message, where
// mapped memory would end the process.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_DATA_DATAFILE_H
#define BITPIPE_RUNTIME_DATA_DATAFILE_H

#include <cstdint>
#include <ctime>
#include <string>

namespace bitpipe {

class DataFile {
public:
  /// Throws a UserError if it is no file that can be read.
  explicit DataFile(const std::string &path);
  ~DataFile();
  DataFile(const DataFile &) = delete;
  DataFile &operator=(const DataFile &) = delete;

  const std::string &path() const { return name; }
  int64_t size() const { return bytes; }

  /// Reads so many bytes from `offset`; throws a UserError if they are not
  /// there.
  void read(int64_t offset, int64_t count, char *target) const;
  /// The first bytes, at most `count`.
  std::string beginning(int64_t count) const;
  /// Throws a UserError if the file was written to since it was opened.
  void checkUnchanged() const;

private:
  std::string name;
  int descriptor;
  int64_t bytes = 0;
  timespec modified{};
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_DATA_DATAFILE_H
