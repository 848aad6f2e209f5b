//===- OutputFile.h - A file that is whole or not there -------------------===//
//
// Written beside its path and renamed when it is complete, so that an error
// (no space left) leaves what was there before.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_OUTPUTFILE_H
#define BITPIPE_RUNTIME_OUTPUTFILE_H

#include <cstddef>
#include <cstdio>
#include <string>

namespace bitpipe {

class OutputFile {
public:
  /// Every member throws a UserError if the system refuses.
  explicit OutputFile(const std::string &path);
  ~OutputFile();
  OutputFile(const OutputFile &) = delete;
  OutputFile &operator=(const OutputFile &) = delete;

  void write(const void *data, size_t size);
  void write(const std::string &text) { write(text.data(), text.size()); }
  /// Gives the file its name.
  void commit();

private:
  [[noreturn]] void refuse();

  std::string path, temporary;
  std::FILE *stream = nullptr;
  bool complete = false;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_OUTPUTFILE_H
