//===- VendorLibrary.cpp - Finding a library of the vendor -------------------===//

#include "lib/Runtime/CUDA/VendorLibrary.h"

#include "lib/Files/VendorFolders.h"
#include "lib/Runtime/Error.h"

#include <cstdlib>
#include <dlfcn.h>

using namespace bitpipe;
namespace fs = std::filesystem;

namespace {

/// Those of the packages, and what PyTorch brings itself.
std::vector<fs::path> libraryFolders() {
  std::vector<fs::path> folders;
  for (const fs::path &packages : packageFolders()) {
    for (const fs::path &folder : vendorFolders(packages, "lib"))
      folders.push_back(folder);
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
    for (const fs::path &folder : libraryFolders())
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
