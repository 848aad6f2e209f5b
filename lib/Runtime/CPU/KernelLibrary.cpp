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

void *KernelLibrary::symbol(const std::string &name) const {
  return dlsym(handle, name.c_str());
}

Kernel KernelLibrary::find(const std::string &name) const {
  void *function = symbol(name);
  if (!function)
    fail(path, ": error: holds no kernel '", name, "', which the plan calls");
  auto *extents =
      static_cast<const int64_t *>(symbol(name + abi::extentsSuffix));
  if (!extents)
    fail(path, ": error: does not tell what kernel '", name,
         "' touches, expected a symbol ", name, abi::extentsSuffix,
         ": compile the plan again");
  return {reinterpret_cast<abi::KernelFunction>(function),
          {extents + 1, size_t(*extents)}};
}
