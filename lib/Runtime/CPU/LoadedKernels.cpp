//===- LoadedKernels.cpp - The generated kernels of a plan ----------------===//

#include "lib/Runtime/CPU/LoadedKernels.h"

#include "lib/Runtime/Error.h"
#include "lib/Runtime/Execute/BadIndex.h"

#include <dlfcn.h>
#include <filesystem>

using namespace bitpipe;

LoadedKernels::LoadedKernels(const std::string &path) : path(path) {
  // A path without a slash would be searched for in the system's folders.
  handle = dlopen(std::filesystem::absolute(path).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    fail(path, ": error: cannot load the kernels: ", dlerror());
  indexRecord = static_cast<int64_t *>(symbol(abi::indexRecord));
}

LoadedKernels::~LoadedKernels() { dlclose(handle); }

void *LoadedKernels::symbol(const std::string &name) const {
  return dlsym(handle, name.c_str());
}

Kernel LoadedKernels::find(const std::string &name) const {
  void *function = symbol(name);
  if (!function)
    fail(path, ": error: holds no kernel '", name, "', which the plan calls");
  const int64_t *extents = numbers(name, abi::extentsSuffix, "touches");
  const int64_t *units = numbers(name, abi::unitsSuffix, "can share");
  if (units[abi::unitsCount] < 1)
    fail(path, ": error: kernel '", name, "' has ", units[abi::unitsCount],
         " units, expected at least 1");
  return {reinterpret_cast<abi::KernelFunction>(function),
          {extents + 1, size_t(*extents)},
          units};
}

const int64_t *LoadedKernels::numbers(const std::string &kernel, const char *suffix,
                                      const char *what) const {
  if (void *found = symbol(kernel + suffix))
    return static_cast<const int64_t *>(found);
  fail(path, ": error: does not tell what kernel '", kernel, "' ", what,
       ", expected a symbol ", kernel, suffix, ": compile the plan again");
}

void LoadedKernels::nameBadRun(const std::string &run) const {
  std::scoped_lock lock(naming);
  if (badRun.empty())
    badRun = run;
}

std::string LoadedKernels::describeBadIndex() const {
  auto *site = static_cast<const char *>(
      symbol(abi::indexSite + std::to_string(indexRecord[abi::indexSiteField])));
  return bitpipe::describeBadIndex(indexRecord, site ? site : "", badRun);
}
