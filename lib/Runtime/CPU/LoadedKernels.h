//===- LoadedKernels.h - The generated kernels of a plan ------------------===//

#ifndef BITPIPE_RUNTIME_CPU_LOADEDKERNELS_H
#define BITPIPE_RUNTIME_CPU_LOADEDKERNELS_H

#include "lib/Runtime/ABI.h"

#include <mutex>
#include <span>
#include <string>

namespace bitpipe {

struct Kernel {
  abi::KernelFunction function;
  std::span<const int64_t> extents; // of its arguments, in bytes
  const int64_t *units;             // abi::UnitsField
};

/// A shared object opened for the life of this object.
class LoadedKernels {
public:
  explicit LoadedKernels(const std::string &path);
  ~LoadedKernels();
  LoadedKernels(const LoadedKernels &) = delete;
  LoadedKernels &operator=(const LoadedKernels &) = delete;

  /// Throws a UserError if the object has no such kernel.
  Kernel find(const std::string &name) const;

  /// Whether a kernel has met an index outside of its table, ever.
  bool metBadIndex() const {
    return indexRecord &&
           __atomic_load_n(&indexRecord[abi::indexFound], __ATOMIC_RELAXED);
  }
  /// Where the indices lie among which the first such one is.
  const void *badIndexAddress() const {
    return reinterpret_cast<const void *>(
        __atomic_load_n(&indexRecord[abi::indexAddress], __ATOMIC_RELAXED));
  }
  /// Keeps the name of the run that has met it, unless there is one already.
  void nameBadRun(const std::string &run) const;
  /// The first such index, its run, its place, and what was expected. Only when
  /// no kernel runs that could be writing it.
  std::string describeBadIndex() const;

private:
  void *symbol(const std::string &name) const;
  const int64_t *numbers(const std::string &kernel, const char *suffix,
                         const char *what) const;

  std::string path;
  void *handle;
  int64_t *indexRecord; // null if no kernel follows indices
  mutable std::mutex naming;
  mutable std::string badRun;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CPU_LOADEDKERNELS_H
