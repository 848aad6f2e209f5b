//===- RunTool.cpp - Programs that a part of compiling is left to ----------===//

#include "lib/Transforms/Kernels/RunTool.h"
#include "lib/Files/Error.h"

#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

#include <cerrno>
#include <cstring>
#include <filesystem>

using namespace llvm;
using namespace bitpipe;

void bitpipe::writeTemporary(Temporary &file, ArrayRef<char> bytes) {
  std::error_code none;
  std::filesystem::path folder = std::filesystem::temp_directory_path(none);
  int descriptor = file.create(none ? "/tmp" : folder.string(), 0600);
  if (descriptor < 0)
    throw WriteError(folder.string(), std::string("cannot write: ") + std::strerror(errno));
  raw_fd_ostream stream(descriptor, /*shouldClose=*/true);
  stream.write(bytes.data(), bytes.size());
  stream.close();
  std::error_code error = stream.error();
  stream.clear_error();
  if (error)
    throw WriteError(file.path(), "cannot write: " + error.message());
}

/// Of all that a program printed. Warnings may come before.
static StringRef lineOfError(StringRef said) {
  SmallVector<StringRef> lines;
  said.split(lines, '\n', -1, /*KeepEmpty=*/false);
  for (StringRef line : lines)
    if (line.contains_insensitive("error") || line.contains_insensitive("fatal"))
      return line;
  return lines.empty() ? "" : lines.front();
}

Expected<std::string> bitpipe::runTool(StringRef program, ArrayRef<StringRef> arguments) {
  Temporary log;
  writeTemporary(log, {});
  SmallVector<StringRef> command{program};
  command.append(arguments.begin(), arguments.end());
  std::optional<StringRef> redirects[] = {std::nullopt, log.path(), log.path()};
  std::string message;
  sys::ProcessInfo process;
  {
    Uninterrupted untilKnown;
    process = sys::ExecuteNoWait(program, command, std::nullopt, redirects, 0, &message);
    endWithProcess(process.Pid);
  }
  int code = process.Pid ? sys::Wait(process, std::nullopt, &message).ReturnCode : -1;
  endWithProcess(0);
  std::string said;
  if (auto text = MemoryBuffer::getFile(log.path()))
    said = (*text)->getBuffer().str();
  if (code == 0)
    return said;
  return createStringError(program + " failed: " + message + lineOfError(said));
}
