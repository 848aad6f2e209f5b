//===- VendorLibrary.cpp - Finding a library of the vendor -------------------===//

#include "lib/Runtime/CUDA/VendorLibrary.h"

#include "lib/Runtime/Error.h"

#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>
#include <sstream>

using namespace bitpipe;
namespace fs = std::filesystem;

namespace {

std::vector<fs::path> entriesOf(const fs::path &folder) {
  std::vector<fs::path> entries;
  std::error_code ignored;
  for (fs::directory_iterator it(folder, ignored), end; it != end; it.increment(ignored))
    entries.push_back(it->path());
  return entries;
}

/// "lib/python3.11" and the like below a prefix, with the packages in it.
std::vector<fs::path> packageFolders(const fs::path &prefix) {
  std::vector<fs::path> folders;
  for (const fs::path &version : entriesOf(prefix / "lib"))
    if (version.filename().string().starts_with("python3"))
      for (const char *packages : {"site-packages", "dist-packages"})
        folders.push_back(version / packages);
  return folders;
}

/// Where a Python is that PATH knows, the first one first.
std::vector<fs::path> pythonPrefixes() {
  std::vector<fs::path> prefixes;
  const char *path = std::getenv("PATH");
  std::istringstream folders(path ? path : "");
  std::error_code ignored;
  for (std::string folder; std::getline(folders, folder, ':');)
    if (!folder.empty() && fs::exists(fs::path(folder) / "python3", ignored))
      prefixes.push_back(fs::path(folder).parent_path());
  return prefixes;
}

/// NVIDIA's packages have a folder "lib" each; those of CUDA 13 share one.
std::vector<fs::path> vendorFolders() {
  std::vector<fs::path> folders;
  for (const fs::path &prefix : pythonPrefixes())
    for (const fs::path &packages : packageFolders(prefix)) {
      for (const fs::path &package : entriesOf(packages / "nvidia"))
        folders.push_back(package / "lib");
      folders.push_back(packages / "torch/lib");
    }
  return folders;
}

void *open(const std::string &file) {
  return dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
}

void *openGiven(const VendorLibrary &library, const std::string &file) {
  if (void *handle = open(fs::absolute(file).string()))
    return handle;
  fail("error: cannot load ", library.name, ", which ", library.variable, " names: ",
       dlerror());
}

} // namespace

void *bitpipe::openVendorLibrary(const VendorLibrary &library) {
  if (const char *given = std::getenv(library.variable); given && *given)
    return openGiven(library, given);
  std::string why;
  for (const char *file : library.files) {
    if (void *handle = open(file))
      return handle;
    why += (why.empty() ? "" : "; ") + std::string(dlerror());
  }
  std::error_code ignored;
  if (library.packaged)
    for (const fs::path &folder : vendorFolders())
      for (const char *file : library.files)
        if (fs::exists(folder / file, ignored)) {
          if (void *handle = open((folder / file).string()))
            return handle;
          why += "; " + std::string(dlerror());
        }
  fail("error: no ", library.name, " (", why,
       library.packaged ? "; nor in nvidia/*/lib and torch/lib of the Python on PATH" : "",
       "): ", library.remedy, ", or set ", library.variable, " to its file");
}

void *bitpipe::findVendorSymbol(const VendorLibrary &library, void *handle,
                                const char *symbol) {
  if (void *found = dlsym(handle, symbol))
    return found;
  fail("error: ", library.name, " has no ", symbol, ", so it is too old: ", library.remedy);
}
