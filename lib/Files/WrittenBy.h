//===- WrittenBy.h - Which files are bitpipe's own ------------------------===//
//
// A file is replaced only if bitpipe has written it, and the same kind of file, so
// every kind says what it is in a place where readers of that kind look past it. A
// schedule as CSV and a table have no such place and are replaced by their own
// contents only.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_FILES_WRITTENBY_H
#define BITPIPE_FILES_WRITTENBY_H

#include <optional>
#include <string>
#include <string_view>

namespace bitpipe::mark {

/// The first line of IR of any level.
constexpr std::string_view ir = "// written by bitpipe\n";
/// The first line of PTX, the kernels of a GPU.
constexpr std::string_view ptx = "// kernels written by bitpipe\n";
/// The first line of a program in C++.
constexpr std::string_view program = "// program written by bitpipe\n";
/// The first line of a picture.
constexpr std::string_view svg = "<!-- written by bitpipe -->\n";
/// The end of a shared object and of a fat binary, which loaders do not read.
constexpr std::string_view library = "\nwritten by bitpipe\n";
/// An entry of the metadata of weights, of the head of a trace, and of a profile.
constexpr std::string_view key = "written_by", value = "bitpipe";

} // namespace bitpipe::mark

namespace bitpipe {

/// What bitpipe writes; Unmarked is what cannot be recognised afterwards.
enum class FileKind {
  IR, Program, Picture, Trace, Metrics, Profile, Kernels, Weights, Unmarked
};

/// The kind of a file that bitpipe wrote; nothing if it did not, or there is none.
std::optional<FileKind> writtenByBitpipe(const std::string &path);

/// Throws a WriteError if writing a file of this kind would replace what it
/// should not: a file that is neither empty nor bitpipe's own of the same kind.
void refuseToReplace(const std::string &path, FileKind kind);

} // namespace bitpipe

#endif // BITPIPE_FILES_WRITTENBY_H
