//===- LinkLibrary.cpp - An object file becomes a shared object ------------===//
//
// The linker is the only program that compiling needs; whichever of the usual
// ones is installed will do.
//
//===----------------------------------------------------------------------===//

#include "lib/Files/Error.h"
#include "lib/Files/OutputFile.h"
#include "lib/Files/WrittenBy.h"
#include "lib/Transforms/Kernels/EmitLibrary.h"

#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

#include <cerrno>
#include <cstring>
#include <filesystem>

using namespace llvm;
using namespace bitpipe;

static Expected<std::string> findLinker() {
  for (StringRef name : {"ld.lld-22", "ld.lld", "ld", "cc"})
    if (ErrorOr<std::string> path = sys::findProgramByName(name))
      return *path;
  return createStringError("found no linker, expected ld.lld, ld or cc on the PATH");
}

/// A new file for the linker that holds `bytes`. It lies in the folder for
/// temporary files: what is beside the target is the target alone.
static void writeTemporary(Temporary &file, ArrayRef<char> bytes) {
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

/// Runs the linker; its own words are part of the error if it fails.
static Error runLinker(StringRef linker, StringRef object, StringRef output,
                       StringRef log) {
  StringRef arguments[] = {linker, "-shared", "-o", output, object};
  std::optional<StringRef> redirects[] = {std::nullopt, log, log};
  std::string message;
  sys::ProcessInfo process;
  {
    Uninterrupted untilKnown;
    process = sys::ExecuteNoWait(linker, arguments, std::nullopt, redirects, 0, &message);
    endWithProcess(process.Pid);
  }
  int code = process.Pid ? sys::Wait(process, std::nullopt, &message).ReturnCode : -1;
  endWithProcess(0);
  if (code == 0)
    return Error::success();
  if (auto said = MemoryBuffer::getFile(log))
    message += (*said)->getBuffer().split('\n').first;
  return createStringError(linker + " failed: " + message);
}

/// Copies what the linker made, which is small, into the file.
static Error copyInto(OutputFile &file, StringRef linked) {
  auto bytes = MemoryBuffer::getFile(linked);
  if (!bytes)
    return createStringError("cannot read " + linked + ": " + bytes.getError().message());
  file.write((*bytes)->getBufferStart(), (*bytes)->getBufferSize());
  file.write(mark::library);
  file.commit();
  return Error::success();
}

Error bitpipe::linkLibrary(ArrayRef<char> object, StringRef path) try {
  Expected<std::string> linker = findLinker();
  if (!linker)
    return linker.takeError();
  refuseToReplace(path.str(), FileKind::Kernels);
  OutputFile file(path.str());
  Temporary input, linked, log;
  writeTemporary(input, object);
  writeTemporary(linked, {});
  writeTemporary(log, {});
  if (Error error = runLinker(*linker, input.path(), linked.path(), log.path()))
    return error;
  return copyInto(file, linked.path());
} catch (const WriteError &error) {
  return createStringError(error.path + ": " + error.why);
}
