//===- Variables.h - Variables of the environment ---------------------------===//

#ifndef BITPIPE_RUNTIME_LAUNCH_VARIABLES_H
#define BITPIPE_RUNTIME_LAUNCH_VARIABLES_H

#include "lib/Runtime/Error.h"
#include "lib/Runtime/Launch/Environment.h"

#include <charconv>

namespace bitpipe {

class Variables {
public:
  explicit Variables(const Lookup &lookup) : lookup(lookup) {}

  /// An empty variable counts as not set; so does the empty name.
  bool has(const std::string &name) const { return !text(name).empty(); }

  std::string text(const std::string &name) const {
    const char *value = name.empty() ? nullptr : lookup(name.c_str());
    return value ? value : "";
  }

  /// A whole number within bounds. Throws a UserError for any other text.
  int64_t number(const std::string &name, int64_t least, int64_t most) const {
    std::string value = text(name);
    const char *end = value.data() + value.size();
    int64_t number = 0;
    auto [stop, error] = std::from_chars(value.data(), end, number);
    if (error != std::errc() || stop != end || number < least || number > most)
      fail("error: ", name, " is '", value, "', expected a whole number from ", least,
           " to ", most);
    return number;
  }

private:
  const Lookup &lookup;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_LAUNCH_VARIABLES_H
