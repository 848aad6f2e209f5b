//===- Modules.h - Kernels compiled for this host ----------------------------===//

#ifndef BITPIPE_TEST_DOUBLES_MODULES_H
#define BITPIPE_TEST_DOUBLES_MODULES_H

#include "test/Doubles/Streams.h"

namespace doubles {

/// A shared object by the contract of emulated kernels (docs/Levels.md). Of code for a GPU, a fat
/// binary or PTX, nothing can run here: kernels of the same names do, of the shared objects that
/// BITPIPE_DOUBLES_KERNELS names with colons between.
class Module {
public:
  /// Null, with a line on stderr and the driver's word for it in `wrong`, if the image is none of
  /// them or not for a GPU of this architecture.
  static std::unique_ptr<Module> load(const void *image, int arch, bitpipe::cuda::Result &wrong);
  ~Module();

  /// Whether the image has a kernel or variable of this name, whatever stands for it has.
  bool has(const std::string &name) const;
  void *symbol(const std::string &name) const;
  size_t bytesOf(const std::string &name) const;

private:
  Module() = default;
  /// A copy of its own, so that its variables are.
  bool open(const void *image, size_t bytes);
  bool openKernels();

  std::vector<void *> handles;
  std::string code; // for a GPU: machine code or PTX, which holds its names; else empty
};

/// As sm_90 is 90: BITPIPE_DOUBLES_ARCH.
int architecture();
/// As CUDA 13.0 is 13000: BITPIPE_DOUBLES_DRIVER.
int driverVersion();

struct Function {
  std::string name;
  void (*entry)(void *const *);
  bool fibers;
  int mostShared = 48 << 10;
};

/// A launch with its parameters, one after the other, each of 8 bytes.
Work launchOf(const Function &function, int64_t grid, int64_t block, int64_t shared,
              std::vector<uint64_t> parameters);

} // namespace doubles

#endif // BITPIPE_TEST_DOUBLES_MODULES_H
