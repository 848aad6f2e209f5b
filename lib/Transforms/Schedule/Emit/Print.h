//===- Print.h - Formatted numbers on a stream -------------------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_EMIT_PRINT_H
#define BITPIPE_TRANSFORMS_SCHEDULE_EMIT_PRINT_H

#include <cstdio>
#include <ostream>

namespace bitpipe::schedule {

/// printf to a stream. A line of a table fits; more than 255 characters are cut.
template <typename... Values>
void print(std::ostream &stream, const char *format, Values... values) {
  char text[256];
  std::snprintf(text, sizeof(text), format, values...);
  stream << text;
}

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_EMIT_PRINT_H
