//===- Text.cpp - Text from outside, made fit to show ----------------------===//

#include "lib/Transforms/Schedule/Core/Text.h"

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

using namespace bitpipe::schedule;

/// The bytes of the character that the text begins with, or 0 where that is no
/// UTF-8 or is not for showing.
static size_t shownBytes(std::string_view text) {
  auto byte = [&](size_t i) { return uint8_t(i < text.size() ? text[i] : 0); };
  uint8_t first = byte(0);
  if (first < 0x80)
    return first >= 0x20 && first != 0x7f;
  size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  constexpr uint32_t least[] = {0, 0, 0xa0, 0x800, 0x10000};
  uint32_t code = first & (0xff >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80)
      return 0;
    code = code << 6 | (byte(i) & 0x3f);
  }
  bool isSurrogate = code >= 0xd800 && code < 0xe000;
  // Marks of direction, and breaks of lines: a terminal obeys them.
  bool isControl = (code >= 0x2028 && code <= 0x202e) ||
                   (code >= 0x2066 && code <= 0x2069) || (code & 0xfffe) == 0xfffe;
  bool isText = first >= 0xc2 && first < 0xf8 && code >= least[length] &&
                code <= 0x10ffff && !isSurrogate && !isControl;
  return isText ? length : 0;
}

/// Calls `show` with every character, those that are not for showing escaped.
template <typename Show> static void walk(std::string_view text, Show show) {
  while (!text.empty()) {
    size_t bytes = shownBytes(text);
    char escaped[8];
    if (!bytes)
      std::snprintf(escaped, sizeof(escaped), "\\x%02x", uint8_t(text[0]));
    show(bytes ? text.substr(0, bytes) : std::string_view(escaped));
    text.remove_prefix(bytes ? bytes : 1);
  }
}

std::string bitpipe::schedule::oneLine(std::string_view text) {
  std::string result;
  walk(text, [&](std::string_view character) { result += character; });
  return result;
}

std::string bitpipe::schedule::quoted(std::string_view text) {
  constexpr size_t most = 60;
  std::string result = "'";
  size_t length = 0;
  walk(text.substr(0, 4 * most + 4), [&](std::string_view character) {
    if (++length <= most)
      result += character;
  });
  return result + (length > most ? "...'" : "'");
}

std::string bitpipe::schedule::xmlText(std::string_view text) {
  std::string result;
  walk(text, [&](std::string_view character) {
    if (character == "&")
      result += "&amp;";
    else if (character == "<")
      result += "&lt;";
    else if (character == ">")
      result += "&gt;";
    else if (character == "\"")
      result += "&quot;";
    else
      result += character;
  });
  return result;
}

std::string bitpipe::schedule::jsonText(std::string_view text) {
  std::string result = "\"";
  walk(text, [&](std::string_view character) {
    if (character[0] == '"' || character[0] == '\\')
      result += '\\';
    result += character;
  });
  return result + '"';
}

std::optional<int> bitpipe::schedule::takeNumber(std::string_view &text) {
  int number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0)
    return {};
  text.remove_prefix(end - text.data());
  return number;
}

std::optional<double> bitpipe::schedule::numberIn(const std::string &text, double least,
                                                  double most) {
  char *end = nullptr;
  double number = std::strtod(text.c_str(), &end);
  bool isNumber = !text.empty() && end == text.c_str() + text.size();
  return isNumber && number >= least && number <= most ? std::optional(number) : std::nullopt;
}

ErrorOr<std::string> bitpipe::schedule::readText(const std::string &path) {
  std::error_code error;
  bool isFolder = std::filesystem::is_directory(path, error);
  std::ifstream file(path, std::ios::binary);
  if (isFolder || !file)
    return Error{oneLine(path) + ": cannot be read"};
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (text.starts_with("\xef\xbb\xbf"))
    text.erase(0, 3);
  return text;
}
