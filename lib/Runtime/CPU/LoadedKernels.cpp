//===- LoadedKernels.cpp - The generated kernels of a plan ----------------===//

#include "lib/Runtime/CPU/LoadedKernels.h"

#include "lib/Runtime/Error.h"

#include <algorithm>
#include <dlfcn.h>
#include <filesystem>
#include <nlohmann/json.hpp>

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

/// "[1, 7]", the place of an element in row-major order.
static std::string placeText(int64_t position, std::vector<int64_t> shape) {
  for (size_t dim = shape.size(); dim-- > 0;) {
    int64_t extent = std::max<int64_t>(shape[dim], 1);
    shape[dim] = position % extent;
    position /= extent;
  }
  return listText(shape);
}

void LoadedKernels::nameBadRun(const std::string &run) const {
  std::scoped_lock lock(naming);
  if (badRun.empty())
    badRun = run;
}

std::string LoadedKernels::describeBadIndex() const {
  auto *text = static_cast<const char *>(
      symbol(abi::indexSite + std::to_string(indexRecord[abi::indexSiteField])));
  auto parts = nlohmann::json::parse(text ? text : "{}");
  std::string name = parts.value("name", "");
  return (badRun.empty() ? "" : badRun + ": ") + parts.value("what", "index") + " " +
         std::to_string(indexRecord[abi::indexValue]) + " at " +
         placeText(indexRecord[abi::indexPosition],
                   parts.value("shape", std::vector<int64_t>())) +
         (name.empty() ? "" : " of '" + name + "'") + ", expected " +
         parts.value("expected", "one of its table");
}
