//===- GPUWorkspace.h - What products of a GPU work in ---------------------===//
//
// Compiler and runtime agree on it: every device has it beside its arena, so that a plan
// that is to fit a GPU counts it.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_GPUWORKSPACE_H
#define BITPIPE_RUNTIME_GPUWORKSPACE_H

#include <cstdint>

namespace bitpipe {

/// What cuBLASLt may have for a product, in bytes: as much as its fastest algorithms want.
inline constexpr int64_t gpuWorkspaceBytes = 32 << 20;

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_GPUWORKSPACE_H
