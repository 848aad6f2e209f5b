//===- KernelLibrary.h - The generated kernels of a plan ------------------===//

#ifndef BITPIPE_RUNTIME_CPU_KERNELLIBRARY_H
#define BITPIPE_RUNTIME_CPU_KERNELLIBRARY_H

#include "lib/Runtime/ABI.h"

#include <span>
#include <string>

namespace bitpipe {

struct Kernel {
  abi::KernelFunction function;
  std::span<const int64_t> extents; // of its arguments, in bytes
};

/// A shared object opened for the life of this object.
class KernelLibrary {
public:
  explicit KernelLibrary(const std::string &path);
  ~KernelLibrary();
  KernelLibrary(const KernelLibrary &) = delete;
  KernelLibrary &operator=(const KernelLibrary &) = delete;

  /// Throws a UserError if the object has no such kernel.
  Kernel find(const std::string &name) const;

private:
  void *symbol(const std::string &name) const;

  std::string path;
  void *handle;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CPU_KERNELLIBRARY_H
