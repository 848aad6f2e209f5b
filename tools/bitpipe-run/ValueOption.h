//===- ValueOption.h - Options whose values are read here -------------------===//
//
// LLVM's parser takes an empty value (an unset variable of a shell) for 0, and
// switches that are given one.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TOOLS_BITPIPE_RUN_VALUEOPTION_H
#define BITPIPE_TOOLS_BITPIPE_RUN_VALUEOPTION_H

#include "lib/Runtime/Error.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/raw_ostream.h"

#include <charconv>
#include <cmath>
#include <limits>

namespace bitpipe {

namespace cl = llvm::cl;

extern cl::OptionCategory category;

/// Text as one line.
inline std::string quoted(llvm::StringRef text) {
  std::string out;
  llvm::raw_string_ostream stream(out);
  stream << '\'';
  stream.write_escaped(text);
  stream << '\'';
  return out;
}

/// An option with a value, whose default --help shows.
class ValueOption {
public:
  static constexpr int64_t anyCount = std::numeric_limits<int64_t>::max();

  /// Without `fallback` there is no value unless one is given.
  ValueOption(const char *name, const char *valueName, const char *fallback,
              const char *description)
      : name("--" + std::string(name)),
        help(*fallback ? joined(description, " (default: ", fallback, ")")
                       : description),
        option(llvm::StringRef(name), cl::value_desc(valueName), cl::init(fallback),
               cl::desc(help), cl::cat(category), cl::ZeroOrMore) {}

  bool given() const { return option.getNumOccurrences() > 0; }

  /// The value, which is not empty if it was given.
  const std::string &text(const char *expected) const {
    if (option.getNumOccurrences() > 1)
      failUsage("", name, " is given ", option.getNumOccurrences(),
                " times, expected once");
    if (given() && option.empty())
      refuse(expected);
    return option.getValue();
  }

  /// A value that must be given.
  const std::string &required(const char *expected) const {
    if (!given())
      failUsage("", name, " is missing, expected ", expected);
    return text(expected);
  }

  int64_t count(int64_t least, int64_t most = anyCount) const {
    std::string expected =
        joined("a whole number, at least ", least,
               most == anyCount ? "" : joined(" and at most ", most));
    int64_t value;
    if (llvm::StringRef(text(expected.c_str())).getAsInteger(10, value) ||
        value < least || value > most)
      refuse(expected);
    return value;
  }

  uint64_t natural() const {
    const char *expected = "a whole number from 0 to 2^64 - 1";
    uint64_t value;
    if (llvm::StringRef(text(expected)).getAsInteger(10, value))
      refuse(expected);
    return value;
  }

  /// A number that f32 can hold and `good` accepts.
  template <typename Good> double real(const char *expected, Good good) const {
    const std::string &given = text(expected);
    const char *end = given.data() + given.size();
    double value = 0;
    auto [stop, error] = std::from_chars(given.data(), end, value);
    bool held = value == 0 || (std::abs(value) >= floatMin && std::abs(value) <= floatMax);
    if (error != std::errc() || stop != end || !held || !good(value))
      refuse(expected);
    return value;
  }

  [[noreturn]] void refuse(const std::string &expected) const {
    failUsage("", name, " is ", quoted(option.getValue()), ", expected ",
              expected);
  }

private:
  static constexpr double floatMin = std::numeric_limits<float>::min();
  static constexpr double floatMax = std::numeric_limits<float>::max();

  std::string name, help;
  cl::opt<std::string> option;
};

/// A switch is given without a value; an empty one is an unset variable.
struct SwitchParser : cl::parser<bool> {
  using parser::parser;
  bool parse(cl::Option &option, llvm::StringRef name, llvm::StringRef value,
             bool &result) {
    if (value.data() && value.empty())
      return option.error("is '', expected no value");
    return parser::parse(option, name, value, result);
  }
};
using Switch = cl::opt<bool, false, SwitchParser>;

} // namespace bitpipe

#endif // BITPIPE_TOOLS_BITPIPE_RUN_VALUEOPTION_H
