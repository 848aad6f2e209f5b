//===- OutputFile.h - A file that is whole or not there -------------------===//
//
// The only way files are written here. The text goes to a temporary file beside
// the target that takes its name when it is complete, so that an error (no space
// left), an exception or a signal leaves what was there before and nothing else.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_FILES_OUTPUTFILE_H
#define BITPIPE_FILES_OUTPUTFILE_H

#include "lib/Files/Temporaries.h"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace bitpipe {

class OutputFile {
public:
  /// Every member throws a WriteError if the system refuses. A symbolic link
  /// stays and its target is written; the mode of a file that is there is kept.
  /// What is there and no regular file is refused.
  explicit OutputFile(const std::string &path);
  ~OutputFile();
  OutputFile(const OutputFile &) = delete;
  OutputFile &operator=(const OutputFile &) = delete;

  void write(const void *data, size_t size);
  /// Brings what was written to where others can read it, in a file of so many bytes,
  /// of which others write the rest (FilePart.h).
  void resize(int64_t bytes);
  void write(std::string_view text) { write(text.data(), text.size()); }
  /// Gives the file its name.
  void commit();
  /// Gives several files their names, all or none: what can fail comes first,
  /// and no signal ends the process in between.
  static void commit(const std::vector<OutputFile *> &files);

  /// Where the contents are meanwhile, for those who write by path instead.
  const std::string &temporaryPath() const { return temporary.path(); }

private:
  [[noreturn]] void refuse();
  void open();
  /// Brings the contents to the disk.
  void seal();
  void rename();

  std::string path;   // as asked for
  std::string target; // what it is behind symbolic links
  Temporary temporary;
  std::FILE *stream = nullptr;
};

/// The file that a path stands for: symbolic links are followed, also to a file
/// that is not there yet.
std::string followLinks(const std::string &path);

} // namespace bitpipe

#endif // BITPIPE_FILES_OUTPUTFILE_H
