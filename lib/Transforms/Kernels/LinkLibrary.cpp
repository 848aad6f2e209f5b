//===- LinkLibrary.cpp - An object file becomes a shared object ------------===//
//
// The linker is the only program that compiling for a processor needs; whichever of the usual
// ones is installed will do.
//
//===----------------------------------------------------------------------===//

#include "lib/Files/Error.h"
#include "lib/Files/OutputFile.h"
#include "lib/Files/WrittenBy.h"
#include "lib/Transforms/Kernels/EmitLibrary.h"
#include "lib/Transforms/Kernels/RunTool.h"

#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"

using namespace llvm;
using namespace bitpipe;

static Expected<std::string> findLinker() {
  for (StringRef name : {"ld.lld-22", "ld.lld", "ld", "cc"})
    if (ErrorOr<std::string> path = sys::findProgramByName(name))
      return *path;
  return createStringError("found no linker, expected ld.lld, ld or cc on the PATH");
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
  Temporary input, linked;
  writeTemporary(input, object);
  writeTemporary(linked, {});
  if (auto said = runTool(*linker, {"-shared", "-o", linked.path(), input.path()}); !said)
    return said.takeError();
  return copyInto(file, linked.path());
} catch (const WriteError &error) {
  return createStringError(error.path + ": " + error.why);
}
