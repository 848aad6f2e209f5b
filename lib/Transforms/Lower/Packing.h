//===- Packing.h - Offsets for pieces of memory that live for a while ------===//
//
// Standard library only. Used for the scratch block of a routine and for the
// arena of a device.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_LOWER_PACKING_H
#define BITPIPE_TRANSFORMS_LOWER_PACKING_H

#include <cstdint>
#include <vector>

namespace bitpipe::lower {

/// Needs `bytes` from instruction `first` to instruction `last`, both included.
struct Lifetime {
  int64_t bytes = 0;
  int64_t first = 0, last = 0;
};

struct Packing {
  std::vector<int64_t> offsets; // one per lifetime
  int64_t bytes = 0;            // of everything
};

/// Gives every lifetime an offset that `alignment` divides such that lifetimes that share an
/// instruction share no memory. Large ones are placed first, each into the
/// tightest gap between those it meets.
Packing pack(const std::vector<Lifetime> &lifetimes, int64_t alignment);

/// Gives every lifetime a number such that lifetimes with one number share no
/// instruction; as few numbers as possible. Sizes are ignored.
std::vector<int64_t> colour(const std::vector<Lifetime> &lifetimes);

} // namespace bitpipe::lower

#endif // BITPIPE_TRANSFORMS_LOWER_PACKING_H
