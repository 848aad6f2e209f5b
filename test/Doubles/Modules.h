//===- Modules.h - Kernels compiled for this host ----------------------------===//

#ifndef BITPIPE_TEST_DOUBLES_MODULES_H
#define BITPIPE_TEST_DOUBLES_MODULES_H

#include "test/Doubles/Streams.h"

namespace doubles {

/// A shared object by the contract of emulated kernels (docs/Levels.md).
class Module {
public:
  /// Null, with a line on stderr, if the image is none of them.
  static std::unique_ptr<Module> load(const void *image);
  ~Module();

  void *symbol(const std::string &name) const;
  size_t bytesOf(const std::string &name) const;

private:
  Module(void *handle) : handle(handle) {}
  void *handle;
};

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
