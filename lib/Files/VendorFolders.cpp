//===- VendorFolders.cpp - Where NVIDIA's Python packages are --------------===//

#include "lib/Files/VendorFolders.h"

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <string>

using namespace bitpipe;
namespace fs = std::filesystem;

/// In an order that does not depend on the file system.
static std::vector<fs::path> entriesOf(const fs::path &folder) {
  std::vector<fs::path> entries;
  std::error_code ignored;
  for (fs::directory_iterator it(folder, ignored), end; it != end; it.increment(ignored))
    entries.push_back(it->path());
  std::sort(entries.begin(), entries.end());
  return entries;
}

std::vector<fs::path> bitpipe::foldersOfPath() {
  std::vector<fs::path> folders;
  const char *path = std::getenv("PATH");
  std::istringstream stream(path ? path : "");
  for (std::string folder; std::getline(stream, folder, ':');)
    if (!folder.empty())
      folders.push_back(folder);
  return folders;
}

std::vector<fs::path> bitpipe::packageFolders() {
  std::vector<fs::path> folders;
  std::error_code ignored;
  for (const fs::path &programs : foldersOfPath())
    if (fs::exists(programs / "python3", ignored))
      for (const fs::path &version : entriesOf(programs.parent_path() / "lib"))
        if (version.filename().string().starts_with("python3"))
          for (const char *packages : {"site-packages", "dist-packages"})
            folders.push_back(version / packages);
  return folders;
}

std::vector<fs::path> bitpipe::vendorFolders(const fs::path &packages, const char *name) {
  std::vector<fs::path> folders;
  for (const fs::path &package : entriesOf(packages / "nvidia"))
    folders.push_back(package / name);
  return folders;
}
