//===- Emulation.h - What emulated kernels ask of who loads them -----------===//
//
// Names of the functions that a shared object of emulated kernels calls: the hardware
// of a GPU, which test/Doubles/Grid.h stands in for.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_KERNELS_GPU_EMULATION_H
#define BITPIPE_TRANSFORMS_KERNELS_GPU_EMULATION_H

namespace bitpipe::grid::emulation {

/// int32_t(): the number of the thread in its block, and that of the block.
constexpr char thread[] = "bitpipe_gpu_thread", block[] = "bitpipe_gpu_block";
/// void(): waits for all threads of the block.
constexpr char barrier[] = "bitpipe_gpu_barrier";
/// int32_t(int32_t value, int32_t mask): what the thread of the warp holds whose number
/// differs by the bits of the mask.
constexpr char shuffleXor[] = "bitpipe_gpu_shuffle_xor";
/// void *(): memory of the block.
constexpr char shared[] = "bitpipe_gpu_shared";
/// void(void *address, int64_t bytes, gpu::Access access): comes before every access
/// (lib/Runtime/CUDA/Kernels/EmulatedThread.h).
constexpr char access[] = "bitpipe_gpu_access";
/// Beside every entry: int32_t, whether its threads wait for each other.
constexpr char needsFibers[] = "_needs_fibers";

} // namespace bitpipe::grid::emulation

#endif // BITPIPE_TRANSFORMS_KERNELS_GPU_EMULATION_H
