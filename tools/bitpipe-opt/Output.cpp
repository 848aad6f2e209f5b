//===- Output.cpp - Where the compiler's results go ------------------------===//

#include "tools/bitpipe-opt/Output.h"

#include "lib/Files/Error.h"
#include "lib/Files/OutputFile.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <csignal>

using namespace llvm;

namespace bitpipe {

PlanPaths::PlanPaths(StringRef output, StringRef kernelsEnd) : plan(output) {
  output.consume_back(".mlir");
  weights = (output + ".weights.safetensors").str();
  kernels = (output + ".kernels." + kernelsEnd).str();
}

static bool isStandardOutput(StringRef path) {
  return path == "-" || path == "/dev/stdout" || path == "/dev/fd/1" ||
         path == "/proc/self/fd/1";
}

bool isStream(StringRef path) {
  sys::fs::file_status status;
  return isStandardOutput(path) ||
         (!sys::fs::status(path, status) && !sys::fs::is_regular_file(status) &&
          !sys::fs::is_directory(status));
}

static void writeToStream(StringRef path, StringRef text) {
  std::error_code error;
  raw_fd_ostream out(isStandardOutput(path) ? "-" : path, error, sys::fs::OF_Text);
  if (!error) {
    out << text;
    out.flush();
    error = out.error();
    out.clear_error();
  }
  // Nobody reads any more, as with `| head`: that ends a program without a word.
  if (error == std::errc::broken_pipe) {
    std::signal(SIGPIPE, SIG_DFL);
    std::raise(SIGPIPE);
  }
  if (error)
    throw WriteError(isStandardOutput(path) ? "standard output" : path.str(),
                    "cannot write: " + error.message());
}

static bool holdsSame(StringRef path, StringRef text) {
  auto there = MemoryBuffer::getFile(path);
  return there && (*there)->getBuffer() == text;
}

static std::string_view markOf(FileKind kind) {
  if (kind == FileKind::IR)
    return mark::ir;
  // A program begins with its own.
  return kind == FileKind::Picture ? mark::svg : "";
}

void writeText(StringRef path, FileKind kind, StringRef text, bool force) {
  if (isStream(path))
    return writeToStream(path, text);
  if (!force && !holdsSame(path, text))
    refuseToReplace(path.str(), kind);
  OutputFile file(path.str());
  file.write(markOf(kind));
  file.write(text);
  file.commit();
}

} // namespace bitpipe
