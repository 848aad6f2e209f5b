//===- Fiber.h - Code that can stop in the middle and go on later ----------===//
//
// A stack of its own and a switch of some nanoseconds; the standard library's contexts
// ask the system at every switch.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TEST_DOUBLES_FIBER_H
#define BITPIPE_TEST_DOUBLES_FIBER_H

#include <cstddef>
#include <memory>

namespace bitpipe::doubles {

class Fiber {
public:
  Fiber();

  /// Begins `code`, which must not return, at the next resume().
  void prepare(void (*code)());
  /// Lets the fiber run until it calls suspend().
  void resume();
  /// Back to who called resume(); called by the fiber.
  void suspend();

private:
  static constexpr size_t stackBytes = 64 << 10;
  std::unique_ptr<char[]> stack;
  void *own = nullptr, *caller = nullptr; // stack pointers
};

} // namespace bitpipe::doubles

#endif // BITPIPE_TEST_DOUBLES_FIBER_H
