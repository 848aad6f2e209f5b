//===- Names.cpp - Names of variables, no two alike ----------------------------===//

#include "lib/Runtime/Printed/Names.h"

#include <algorithm>
#include <cctype>

using namespace bitpipe;

printed::Names::Names()
    : taken{"gpu", "compute", "scratch", "launch", "check", "step", "ready", "contributed",
            "agreed", "all", "numbers", "Routines", "main", "make"} {}

/// Letters, digits and lower lines. What has no digit ends in a lower line: it might be
/// a word of the language, or a name of a header.
static std::string identifier(std::string text) {
  auto isDigit = [](unsigned char c) { return std::isdigit(c); };
  for (char &c : text)
    if (!std::isalnum(static_cast<unsigned char>(c)))
      c = '_';
  if (text.empty() || isDigit(text.front()) || text.front() == '_')
    text = "x" + text;
  if (std::ranges::none_of(text, isDigit))
    text += "_";
  while (text.find("__") != std::string::npos) // such names are the compiler's
    text.erase(text.find("__"), 1);
  return text;
}

std::string printed::Names::add(const std::string &wanted) {
  std::string base = identifier(wanted), name = base;
  for (int i = 2; !taken.insert(name).second; ++i)
    name = base + (base.back() == '_' ? "" : "_") + std::to_string(i);
  return name;
}

std::string printed::quoted(const std::string &text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\')
      result += '\\';
    result += c == '\n' ? ' ' : c;
  }
  return result + "\"";
}

std::string printed::commentText(std::string text) {
  for (char &c : text)
    if (std::iscntrl(static_cast<unsigned char>(c)) || c == '\\')
      c = ' ';
  return text;
}

std::string printed::callText(size_t spaces, const std::string &name,
                              const std::vector<std::string> &arguments) {
  constexpr size_t width = 96;
  std::string result, line = std::string(spaces, ' ') + name + "(";
  size_t indent = spaces + 4;
  for (size_t i = 0; i < arguments.size(); ++i) {
    std::string argument = arguments[i] + (i + 1 < arguments.size() ? "," : ");");
    if (line.size() + 1 + argument.size() > width) {
      result += line + "\n";
      line = std::string(indent, ' ') + argument;
    } else {
      line += (i ? " " : "") + argument;
    }
  }
  return result + line + (arguments.empty() ? ");\n" : "\n");
}
