//===- Error.h - What a user can get wrong --------------------------------===//
//
// A wrong plan, file or option ends the run with one line that says what, got
// and expected. It is thrown as a UserError and printed once, in main. What a
// run can do without is a warning.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_ERROR_H
#define BITPIPE_RUNTIME_ERROR_H

#include "lib/Files/Error.h"

#include <cstdio>
#include <system_error>

namespace bitpipe {

/// Options that are wrong, or contradict each other.
struct UsageError : UserError {
  using UserError::UserError;
};

/// The parts as one text.
template <typename... Parts> std::string joined(const Parts &...parts) {
  std::ostringstream line;
  (line << ... << parts);
  return line.str();
}

/// As fail, for options.
template <typename... Parts> [[noreturn]] void failUsage(const Parts &...parts) {
  throw UsageError(joined(parts...));
}

/// Says what the system refuses a thread for.
[[noreturn]] inline void failThread(const std::string &purpose,
                                    const std::system_error &error) {
  fail("error: cannot start a thread for ", purpose, ": ", error.code().message(),
       " (--threads for each device, as many for its sums, three of the run's own, one for each host that keeps activations; "
       "see ulimit -u, ulimit -v)");
}

/// Prints one line; the run goes on.
template <typename... Parts> void warn(const Parts &...parts) {
  std::fprintf(stderr, "warning: %s\n", joined(parts...).c_str());
}

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_ERROR_H
