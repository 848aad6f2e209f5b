//===- LinkLibrary.cpp - An object file becomes a shared object ------------===//
//
// The linker is the only program that compiling needs; whichever of the usual
// ones is installed will do.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Kernels/EmitLibrary.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

static Expected<std::string> findLinker() {
  for (StringRef name : {"ld.lld-22", "ld.lld", "ld", "cc"})
    if (ErrorOr<std::string> path = sys::findProgramByName(name))
      return *path;
  return createStringError("found no linker, expected ld.lld, ld or cc on the PATH");
}

/// A fresh name beside `path`.
static Expected<std::string> temporaryFor(StringRef path, StringRef suffix) {
  SmallString<128> name;
  int descriptor;
  std::error_code error =
      sys::fs::createUniqueFile(path + ".%%%%%%" + suffix, descriptor, name);
  if (error)
    return createStringError("cannot write beside " + path + ": " + error.message());
  raw_fd_ostream(descriptor, /*shouldClose=*/true).close();
  return name.str().str();
}

static Error writeFile(StringRef path, ArrayRef<char> bytes) {
  std::error_code error;
  raw_fd_ostream stream(path, error);
  if (!error)
    stream.write(bytes.data(), bytes.size());
  stream.close();
  if (!error)
    error = stream.error();
  stream.clear_error();
  if (error)
    return createStringError("cannot write " + path + ": " + error.message());
  return Error::success();
}

/// Runs the linker; its own words are part of the error if it fails.
static Error runLinker(StringRef linker, StringRef object, StringRef output,
                       StringRef log) {
  StringRef arguments[] = {linker, "-shared", "-o", output, object};
  std::optional<StringRef> redirects[] = {std::nullopt, log, log};
  std::string message;
  if (sys::ExecuteAndWait(linker, arguments, std::nullopt, redirects, 0, 0, &message) == 0)
    return Error::success();
  if (auto said = MemoryBuffer::getFile(log))
    message += (*said)->getBuffer().split('\n').first;
  return createStringError(linker + " failed: " + message);
}

Error bitpipe::linkLibrary(ArrayRef<char> object, StringRef path) {
  Expected<std::string> linker = findLinker();
  if (!linker)
    return linker.takeError();
  SmallVector<std::string> temporaries;
  scope_exit removeTemporaries([&] {
    for (const std::string &name : temporaries)
      sys::fs::remove(name);
  });
  for (StringRef suffix : {".o", ".so", ".log"}) {
    Expected<std::string> name = temporaryFor(path, suffix);
    if (!name)
      return name.takeError();
    temporaries.push_back(*name);
  }
  const std::string &objectPath = temporaries[0], &linked = temporaries[1];
  if (Error error = writeFile(objectPath, object))
    return error;
  if (Error error = runLinker(*linker, objectPath, linked, temporaries[2]))
    return error;
  if (std::error_code error = sys::fs::rename(linked, path))
    return createStringError("cannot write " + path + ": " + error.message());
  return Error::success();
}
