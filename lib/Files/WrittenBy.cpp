//===- WrittenBy.cpp - Which files are bitpipe's own ----------------------===//

#include "lib/Files/WrittenBy.h"

#include "lib/Files/Error.h"
#include "lib/Files/FatBinary.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>

using namespace bitpipe;
namespace fs = std::filesystem;

/// `size` bytes of the file, or as many as there are.
static std::string read(std::ifstream &file, uint64_t offset, uint64_t size) {
  std::string bytes(size, '\0');
  file.clear();
  file.seekg(std::streamoff(offset));
  file.read(bytes.data(), std::streamsize(size));
  bytes.resize(size_t(std::max<std::streamsize>(file.gcount(), 0)));
  return bytes;
}

static bool holds(std::string_view text, std::string_view part) {
  return text.find(part) != text.npos;
}

/// A quote inside a name is escaped, so that no tensor's name looks like this.
static std::string markedEntry() {
  return "\"" + std::string(mark::key) + "\":\"" + std::string(mark::value) + "\"";
}

static bool areWeights(std::ifstream &file, std::string_view start, uint64_t size) {
  uint64_t length = 0, mostWithSense = 100u << 20;
  if (start.size() <= sizeof(length) || start[sizeof(length)] != '{')
    return false;
  std::memcpy(&length, start.data(), sizeof(length));
  if (length > std::min(size - sizeof(length), mostWithSense))
    return false;
  return holds(read(file, sizeof(length), length), markedEntry());
}

static bool areKernels(std::ifstream &file, std::string_view start, uint64_t size) {
  uint64_t length = mark::library.size();
  if (start.starts_with(mark::ptx))
    return true;
  return (start.starts_with("\x7f" "ELF") || isFatBinary(start)) && size > length &&
         read(file, size - length, length) == mark::library;
}

static bool isTrace(std::string_view start) {
  return start.starts_with("{\"otherData\":{" + markedEntry());
}

static bool isProfile(std::string_view start) {
  return start.starts_with("{" + markedEntry() + ",\n \"stages\": ");
}

/// A step is what it is known by: a mark would be a line that is no step.
static bool areMetrics(std::string_view start) {
  std::string_view line = start.substr(0, start.find('\n'));
  return line.starts_with("{\"step\": ") && holds(line, "\"loss\": ") &&
         holds(line, "\"tokens_per_second\": ") && holds(line, "\"step_seconds\": ");
}

std::optional<FileKind> bitpipe::writtenByBitpipe(const std::string &path) {
  std::error_code none;
  std::ifstream file(path, std::ios::binary);
  uint64_t size = fs::file_size(path, none);
  if (!file || none)
    return std::nullopt;
  std::string start = read(file, 0, 4096);
  if (start.starts_with(mark::ir))
    return FileKind::IR;
  if (start.starts_with(mark::program))
    return FileKind::Program;
  if (start.starts_with(mark::svg))
    return FileKind::Picture;
  if (isTrace(start))
    return FileKind::Trace;
  if (isProfile(start))
    return FileKind::Profile;
  if (areMetrics(start))
    return FileKind::Metrics;
  if (areKernels(file, start, size))
    return FileKind::Kernels;
  if (areWeights(file, start, size))
    return FileKind::Weights;
  return std::nullopt;
}

static const char *nameOf(FileKind kind) {
  switch (kind) {
  case FileKind::IR:
    return "IR";
  case FileKind::Program:
    return "a program";
  case FileKind::Picture:
    return "a picture";
  case FileKind::Trace:
    return "a trace";
  case FileKind::Metrics:
    return "metrics";
  case FileKind::Profile:
    return "a profile";
  case FileKind::Kernels:
    return "kernels";
  case FileKind::Weights:
    return "weights";
  case FileKind::Unmarked:
    break;
  }
  return "a table";
}

void bitpipe::refuseToReplace(const std::string &path, FileKind kind) {
  std::error_code none;
  if (!fs::is_regular_file(path, none) || fs::file_size(path, none) == 0)
    return;
  auto there = writtenByBitpipe(path);
  if (there == kind)
    return;
  std::string what = there ? std::string("is there and holds ") + nameOf(*there) + ", not " + nameOf(kind)
                           : "is there and was not written by bitpipe";
  throw WriteError(path, what + ", expected another name, or --force to replace it");
}
