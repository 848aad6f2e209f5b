//===- Text.h - Text from outside, made fit to show --------------*- C++ -*-===//
//
// Names of files, cells and lines may hold anything. What goes into a message, a
// picture or a trace passes through here.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_CORE_TEXT_H
#define BITPIPE_TRANSFORMS_SCHEDULE_CORE_TEXT_H

#include "lib/Transforms/Schedule/Core/Error.h"

#include <optional>
#include <string>
#include <string_view>

namespace bitpipe::schedule {

/// The text on one line: control characters, and bytes that are not UTF-8, as
/// `\x1b`.
std::string oneLine(std::string_view text);

/// The same in quotes, and cut if it is long: `'0F0x'`.
std::string quoted(std::string_view text);

/// The text on one line, for the content or an attribute of an XML element.
std::string xmlText(std::string_view text);

/// The text on one line as a JSON string, with its quotes.
std::string jsonText(std::string_view text);

/// Takes a number from 0 on off the front of a text; nothing, and nothing is taken, where there is
/// none.
std::optional<int> takeNumber(std::string_view &text);

/// The number that a text is, from `least` to `most`; nothing where it is none.
std::optional<double> numberIn(const std::string &text, double least, double most);

/// The whole of a text file, without the mark that some editors begin UTF-8
/// with. Fails where it cannot be read.
ErrorOr<std::string> readText(const std::string &path);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_CORE_TEXT_H
