//===- Alignment.h - Where pieces of memory may start ----------------------===//

#ifndef BITPIPE_TRANSFORMS_LOWER_ALIGNMENT_H
#define BITPIPE_TRANSFORMS_LOWER_ALIGNMENT_H

#include "lib/Runtime/ABI.h"

#include "llvm/ADT/StringRef.h"

namespace bitpipe::lower {

/// Every slot, every tensor in a block and every temporary starts at a
/// multiple of the runtime's alignment, so its size is rounded up to one.
constexpr int64_t aligned(int64_t bytes, int64_t alignment = abi::alignment) {
  return (bytes + alignment - 1) / alignment * alignment;
}

/// Slots of a GPU begin where its vendor's libraries are fastest.
constexpr int64_t gpuSlotAlignment = 256;
static_assert(gpuSlotAlignment % abi::alignment == 0);

/// On an argument of a kernel that some call gives a place in the middle of a slice: the
/// bytes that divide all its addresses, a power of two below `argumentAlignment`, which
/// divides the addresses of all others.
constexpr llvm::StringLiteral alignmentName = "pipe.align";
constexpr int64_t argumentAlignment = 16;

} // namespace bitpipe::lower

#endif // BITPIPE_TRANSFORMS_LOWER_ALIGNMENT_H
