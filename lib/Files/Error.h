//===- Error.h - What a user can get wrong --------------------------------===//
//
// A wrong plan, file or option ends the run with one line that says what, got
// and expected. It is thrown as a UserError and printed once, in main.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_FILES_ERROR_H
#define BITPIPE_FILES_ERROR_H

#include <sstream>
#include <stdexcept>
#include <string>

namespace bitpipe {

struct UserError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A file that cannot be written: "PATH: error: WHY".
struct WriteError : UserError {
  WriteError(const std::string &path, const std::string &why)
      : UserError(path + ": error: " + why), path(path), why(why) {}
  std::string path, why;
};

/// Joins the parts into one line and throws it.
template <typename... Parts> [[noreturn]] void fail(const Parts &...parts) {
  std::ostringstream line;
  (line << ... << parts);
  throw UserError(line.str());
}

/// "[2, 16]".
template <typename List> std::string listText(const List &list) {
  std::ostringstream text;
  text << '[';
  for (size_t i = 0; i < list.size(); ++i)
    text << (i ? ", " : "") << list[i];
  text << ']';
  return text.str();
}

} // namespace bitpipe

#endif // BITPIPE_FILES_ERROR_H
