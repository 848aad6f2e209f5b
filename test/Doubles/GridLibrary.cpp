//===- GridLibrary.cpp - Grids for Python ----------------------------------===//
//
// What tests in Python call to run the kernels of a shared object.
//
//===----------------------------------------------------------------------===//

#include "test/Doubles/Grid.h"

#include <string>

using namespace bitpipe::doubles;

namespace {
struct Range {
  const char *begin;
  int64_t bytes;
};
} // namespace

/// Runs a launch that may touch `ranges` only. Returns an error, which lasts until the
/// next call, or null.
extern "C" const char *bitpipe_run_grid(const char *name, void (*entry)(void *const *),
                                        void *const *arguments, int64_t grid, int64_t block,
                                        int64_t shared, int32_t needsFibers, int32_t backward,
                                        const Range *ranges, int64_t rangeCount) {
  thread_local std::string text;
  const Range *last = ranges;
  auto allowed = [&](const void *address, int64_t bytes, bool) {
    auto *first = static_cast<const char *>(address);
    auto holds = [&](const Range &range) {
      return first >= range.begin && first + bytes <= range.begin + range.bytes;
    };
    if (rangeCount > 0 && holds(*last))
      return true;
    for (const Range *range = ranges; range < ranges + rangeCount; ++range)
      if (holds(*range))
        return last = range, true;
    return false;
  };
  auto error = runGrid({name, entry, arguments, grid, block, shared, needsFibers != 0,
                        backward ? Order::Backward : Order::Forward},
                       allowed);
  text = error.value_or("");
  return error ? text.c_str() : nullptr;
}
