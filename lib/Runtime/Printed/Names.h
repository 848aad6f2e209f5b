//===- Names.h - Names of variables, no two alike ------------------------------===//

#ifndef BITPIPE_RUNTIME_PRINTED_NAMES_H
#define BITPIPE_RUNTIME_PRINTED_NAMES_H

#include <set>
#include <string>
#include <vector>

namespace bitpipe::printed {

/// The names of a scope, and of those around it.
class Names {
public:
  /// Those that every printed file has.
  Names();

  /// A name like the one that is wanted.
  std::string add(const std::string &wanted);

private:
  std::set<std::string> taken;
};

/// A text as a string literal.
std::string quoted(const std::string &text);

/// A text without what would end a comment.
std::string commentText(std::string text);

/// A call in lines of at most 96 characters, each behind so many spaces:
/// "name(a, b, c);", or with another end.
std::string callText(size_t spaces, const std::string &name,
                     const std::vector<std::string> &arguments,
                     const std::string &end = ");");

} // namespace bitpipe::printed

#endif // BITPIPE_RUNTIME_PRINTED_NAMES_H
