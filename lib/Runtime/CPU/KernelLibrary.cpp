//===- KernelLibrary.cpp - The generated kernels of a plan ----------------===//

#include "lib/Runtime/CPU/KernelLibrary.h"

#include "lib/Runtime/Error.h"

#include <dlfcn.h>
#include <filesystem>

using namespace bitpipe;

KernelLibrary::KernelLibrary(const std::string &path) : path(path) {
  // A path without a slash would be searched for in the system's folders.
  handle = dlopen(std::filesystem::absolute(path).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    fail(path, ": error: cannot load the kernels: ", dlerror());
}

KernelLibrary::~KernelLibrary() { dlclose(handle); }

abi::KernelFunction KernelLibrary::find(const std::string &name) const {
  void *symbol = dlsym(handle, name.c_str());
  if (!symbol)
    fail(path, ": error: holds no kernel '", name, "', which the plan calls");
  return reinterpret_cast<abi::KernelFunction>(symbol);
}
