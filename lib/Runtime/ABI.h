//===- ABI.h - Contract between compiler and runtime ----------------------===//
//
// What a compiled plan and the runtime agree upon: the version that both sides
// write and check, the signature of generated kernels, and the alignment of
// memory. Whatever changes the meaning of a plan raises the version.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_ABI_H
#define BITPIPE_RUNTIME_ABI_H

#include <cstdint>

namespace bitpipe::abi {

/// `version` of pipe.training.
inline constexpr int64_t contractVersion = 5;

/// Alignment in bytes of the arena and of every slot in it. A generated kernel
/// may rely on it for block offset 0.
inline constexpr int64_t alignment = 64;
/// The same for plans of target "cuda".
inline constexpr int64_t gpuAlignment = 256;

/// A generated kernel: one pointer per memref argument, in order, and which of its
/// units to do: those from `begin` on, before `end`. Several threads may do units of
/// one call at once, and the bits do not depend on who does which.
using KernelFunction = void (*)(void *const *args, int64_t begin, int64_t end);

/// The attribute of pipe.training that lists the features a processor must have
/// to run the kernels, by LLVM's names: "avx2,fma".
inline constexpr char featuresAttribute[] = "features";

/// Beside every kernel there is a constant of its name and this ending: int64
/// numbers, first how many arguments it has, then how many bytes each of them
/// reaches from its pointer on.
inline constexpr char extentsSuffix[] = "_extents";

/// Beside every kernel there is a constant of its name and this ending: an int64_t for
/// each of the fields below. If `unitsFinish` is 1, what is left when all units are
/// done, as a sum over them in order, is done by a call from `unitsCount` to there.
inline constexpr char unitsSuffix[] = "_units";
enum UnitsField : int64_t {
  unitsCount,  // 1: cannot be shared
  unitsBytes,  // of memory that all units together touch, about
  unitsFinish, // 0 or 1
  unitsFields
};

/// Kernels put the first index that lies outside of its table on record, in a
/// symbol of the shared object that is there if any kernel follows indices: an
/// int64_t for each of the fields below. `indexFound` counts such indices and
/// is changed atomically; the others are written by who finds it 0. The symbol
/// `indexSite` + number holds a message's parts: a JSON object with `what`,
/// `name`, `shape` (of the indices) and `expected`, ended by a zero.
inline constexpr char indexRecord[] = "bitpipe_index_record";
inline constexpr char indexSite[] = "bitpipe_index_site_";
enum IndexField : int64_t {
  indexFound,
  indexSiteField, // number of the operation
  indexValue,
  indexPosition, // of the index, in row-major order
  indexAddress,  // of the first of the indices among which it is
  indexRecordFields
};

} // namespace bitpipe::abi

static_assert(sizeof(void *) == 8, "plans hold 64-bit sizes and offsets");

#endif // BITPIPE_RUNTIME_ABI_H
