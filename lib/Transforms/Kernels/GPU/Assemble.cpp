//===- Assemble.cpp - From PTX to machine code, by NVIDIA's programs -------===//

#include "lib/Transforms/Kernels/GPU/Assemble.h"
#include "lib/Files/Error.h"
#include "lib/Files/FatBinary.h"
#include "lib/Transforms/Kernels/RunTool.h"

#include "llvm/Support/MemoryBuffer.h"

using namespace llvm;
using namespace bitpipe;

/// What fatbinary made holds the machine code and the text, and nothing else.
static Error checkFatBinary(StringRef file, int arch) try {
  std::vector<FatImage> images = imagesOf({file.data(), file.size()});
  auto holds = [&](FatImage::Kind kind) {
    return llvm::count_if(images, [&](const FatImage &image) {
             return image.kind == kind && image.arch == arch && !image.compressed;
           }) == 1;
  };
  if (images.size() == 2 && holds(FatImage::MachineCode) && holds(FatImage::PTX))
    return Error::success();
  return createStringError("fatbinary made " + textOf(images) + ", expected machine code and PTX for sm_" + Twine(arch) + ", not compressed");
} catch (const UserError &error) {
  return createStringError(Twine("fatbinary made ") + error.what());
}

Expected<std::string> grid::assemble(ArrayRef<char> ptx, StringRef arch, StringRef folder) {
  Temporary text, code, both;
  writeTemporary(text, ptx);
  writeTemporary(code, {});
  writeTemporary(both, {});
  if (auto said = runTool((folder + "/ptxas").str(), {"-arch", arch, text.path(), "-o", code.path()}); !said)
    return said.takeError();
  std::string number = arch.drop_front(StringRef("sm_").size()).str();
  std::string create = "--create=" + both.path(), machine = "--image3=kind=elf,sm=" + number + ",file=" + code.path(),
              source = "--image3=kind=ptx,sm=" + number + ",file=" + text.path();
  // What is compressed drivers must know how to unpack; text is also handed to them alone.
  if (auto said = runTool((folder + "/fatbinary").str(), {"--64", "--compress=false", create, machine, source}); !said)
    return said.takeError();
  auto made = MemoryBuffer::getFile(both.path());
  if (!made)
    return createStringError("cannot read " + both.path() + ": " + made.getError().message());
  if (Error error = checkFatBinary((*made)->getBuffer(), std::stoi(number)))
    return error;
  return (*made)->getBuffer().str();
}
