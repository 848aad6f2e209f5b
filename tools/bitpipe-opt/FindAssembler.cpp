//===- FindAssembler.cpp - Where NVIDIA's assembler is ---------------------===//

#include "tools/bitpipe-opt/FindAssembler.h"

#include "lib/Files/VendorFolders.h"
#include "lib/Transforms/Kernels/RunTool.h"

#include "llvm/Support/FileSystem.h"

#include <cstdlib>

using namespace llvm;

namespace bitpipe {

static std::vector<std::filesystem::path> foldersOf(StringRef given) {
  if (!given.empty())
    return {given.str(), given.str() + "/bin"};
  std::vector<std::filesystem::path> folders = foldersOfPath();
  const char *home = std::getenv("CUDA_HOME");
  folders.push_back(std::filesystem::path(home && *home ? home : "/usr/local/cuda") / "bin");
  for (const auto &packages : packageFolders())
    for (const auto &folder : vendorFolders(packages, "bin"))
      folders.push_back(folder);
  return folders;
}

std::optional<std::string> findAssembler(StringRef given) {
  for (const std::filesystem::path &folder : foldersOf(given))
    if (sys::fs::can_execute((folder / "ptxas").string()) && sys::fs::can_execute((folder / "fatbinary").string()))
      return folder.string();
  return std::nullopt;
}

Expected<std::string> versionOfAssembler(StringRef folder) {
  auto said = runTool((folder + "/ptxas").str(), {"--version"});
  if (!said)
    return said.takeError();
  // "Cuda compilation tools, release 13.0, V13.0.88"
  StringRef version = StringRef(*said).split(", V").second.split('\n').first.trim();
  if (version.empty())
    return createStringError(folder + "/ptxas names no version: " + StringRef(*said).split('\n').first);
  return version.str();
}

} // namespace bitpipe
