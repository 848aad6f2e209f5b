//===- Names.cpp - Names of variables, no two alike ----------------------------===//

#include "lib/Runtime/Printed/Names.h"

#include <cctype>
#include <iterator>

using namespace bitpipe;

/// Of the language, and of what every printed file has.
static constexpr const char *reserved[] = {
    "alignas", "alignof", "and", "and_eq", "asm", "auto", "bitand", "bitor", "bool", "break",
    "case", "catch", "char", "char8_t", "char16_t", "char32_t", "class", "compl", "concept",
    "const", "consteval", "constexpr", "constinit", "const_cast", "continue", "co_await",
    "co_return", "co_yield", "decltype", "default", "delete", "do", "double", "dynamic_cast",
    "else", "enum", "explicit", "export", "extern", "false", "float", "for", "friend", "goto",
    "if", "inline", "int", "long", "mutable", "namespace", "new", "noexcept", "not", "not_eq",
    "nullptr", "operator", "or", "or_eq", "private", "protected", "public", "register",
    "reinterpret_cast", "requires", "return", "short", "signed", "sizeof", "static",
    "static_assert", "static_cast", "struct", "switch", "template", "this", "thread_local",
    "throw", "true", "try", "typedef", "typeid", "typename", "union", "unsigned", "using",
    "virtual", "void", "volatile", "wchar_t", "while", "xor", "xor_eq",
    "gpu", "compute", "kernel_scratch", "matmul", "launch", "check", "step", "ready", "agreed",
    "all", "numbers", "make", "main", "Routines", "Runtime", "Slot", "Channel", "Numbers",
    "Table", "DeviceSteps", "CUdeviceptr", "CUstream", "CUevent", "CUfunction", "ncclSend",
    "ncclRecv", "ncclAllReduce", "ncclReduceScatter", "ncclAllGather", "ncclBroadcast",
    "ncclGroupStart", "ncclGroupEnd", "ncclInt8", "ncclFloat", "ncclDouble", "ncclSum",
    "cuEventRecord", "cuStreamWaitEvent", "cuMemcpyDtoHAsync", "cuMemcpyHtoDAsync", "to_host",
    "from_host", "cublasLtMatmul", "std", "bitpipe"};

printed::Names::Names() : taken(std::begin(reserved), std::end(reserved)) {}

/// Letters, digits and single lower lines: names with two are the compiler's.
static std::string identifier(std::string text) {
  for (char &c : text)
    if (!std::isalnum(static_cast<unsigned char>(c)))
      c = '_';
  if (text.empty() || std::isdigit(static_cast<unsigned char>(text.front())) ||
      text.front() == '_')
    text = "x" + text;
  for (size_t at; (at = text.find("__")) != std::string::npos;)
    text.erase(at, 1);
  return text;
}

std::string printed::Names::add(const std::string &wanted) {
  std::string base = identifier(wanted), name = base;
  for (int i = 2; !taken.insert(name).second; ++i)
    name = base + "_" + std::to_string(i);
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
                              const std::vector<std::string> &arguments,
                              const std::string &end) {
  constexpr size_t width = 96;
  std::string result, line = std::string(spaces, ' ') + name + "(";
  for (size_t i = 0; i < arguments.size(); ++i) {
    std::string argument = arguments[i] + (i + 1 < arguments.size() ? "," : end);
    if (line.size() + 1 + argument.size() > width) {
      result += line + "\n";
      line = std::string(spaces + 4, ' ') + argument;
    } else {
      line += (i ? " " : "") + argument;
    }
  }
  return result + line + (arguments.empty() ? end : "") + "\n";
}
