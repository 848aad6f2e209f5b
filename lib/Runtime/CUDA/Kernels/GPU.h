//===- GPU.h - What the runtime's own kernels are written with ---------------===//
//
// The same text becomes PTX for the GPU, and a shared object in which every function
// does the work of one thread and asks whoever loaded it which one that is; so kernels
// are tested where there is no GPU. No header of CUDA is needed.
//
// A kernel takes one struct of pointers and numbers:
//
//   struct Copy { const float *from; float *to; };
//   KERNEL(bitpipe_copy, Copy, 0) { store(a.to + thread(), load(a.from + thread())); }
//
// KERNEL's last parameter says whether threads meet at barriers or shuffles; KERNEL_OF is
// for blocks of so many threads, of which so many share a multiprocessor.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CUDA_KERNELS_GPU_H
#define BITPIPE_RUNTIME_CUDA_KERNELS_GPU_H

using int32_t = int;
using uint32_t = unsigned;
using int64_t = long;
using uint64_t = unsigned long;
using uint16_t = unsigned short;
static_assert(sizeof(int64_t) == 8 && sizeof(void *) == 8);

/// Arrays that are indexed by such a loop stay in registers.
#define UNROLL _Pragma("unroll")

#ifdef __CUDA__
/// What is not inlined has its arrays in memory, and so all arguments of the kernel.
#define DEVICE __attribute__((device, always_inline)) inline
#define DEVICE_MEMBER __attribute__((device, always_inline))
#define KERNEL(name, Arguments, fibers)                                                      \
  extern "C" __attribute__((global)) void name(Arguments a)
#define KERNEL_OF(threads, blocks, name, Arguments, fibers)                                  \
  extern "C" __attribute__((global, launch_bounds(threads, blocks))) void name(Arguments a)
#define SHARED(type, name, count) __attribute__((shared)) static type name[count]
/// All that the launch gives to a block.
#define DYNAMIC_SHARED(type, name)                                                           \
  extern __attribute__((shared)) Octet dynamicShared[];                                      \
  type *name = reinterpret_cast<type *>(dynamicShared)

DEVICE int32_t thread() { return __nvvm_read_ptx_sreg_tid_x(); }
DEVICE int32_t block() { return __nvvm_read_ptx_sreg_ctaid_x(); }
DEVICE int32_t threads() { return __nvvm_read_ptx_sreg_ntid_x(); }
DEVICE int32_t blocks() { return __nvvm_read_ptx_sreg_nctaid_x(); }
DEVICE void barrier() { __syncthreads(); }
DEVICE int32_t shuffleBits(int32_t value, int32_t mask) {
  return __nvvm_shfl_sync_bfly_i32(0xffffffffu, value, mask, 0x1f);
}
template <typename T> DEVICE T load(const T *from) { return *from; }
template <typename T> DEVICE void store(T *to, T value) { *to = value; }

#else
#define DEVICE static inline
#define DEVICE_MEMBER
#define KERNEL(name, Arguments, fibers)                                                      \
  extern "C" const int32_t name##_needs_fibers = fibers;                                     \
  static void name##_thread(const Arguments &a);                                             \
  extern "C" void name(void *const *arguments) {                                             \
    name##_thread(*reinterpret_cast<const Arguments *>(arguments));                          \
  }                                                                                          \
  static void name##_thread(const Arguments &a)
#define KERNEL_OF(threads, blocks, name, Arguments, fibers) KERNEL(name, Arguments, fibers)
#define SHARED(type, name, count)                                                            \
  type *name = static_cast<type *>(bitpipe_gpu_shared())
#define DYNAMIC_SHARED(type, name) SHARED(type, name, )

#include "lib/Runtime/CUDA/Kernels/EmulatedThread.h"

DEVICE int32_t thread() { return bitpipe_gpu_thread(); }
DEVICE int32_t block() { return bitpipe_gpu_block(); }
DEVICE int32_t threads() { return bitpipe_gpu_threads(); }
DEVICE int32_t blocks() { return bitpipe_gpu_blocks(); }
DEVICE void barrier() { bitpipe_gpu_barrier(); }
DEVICE int32_t shuffleBits(int32_t value, int32_t mask) {
  return bitpipe_gpu_shuffle_xor(value, mask);
}
template <typename T> DEVICE T load(const T *from) {
  bitpipe_gpu_access(const_cast<T *>(from), sizeof(T), bitpipe::gpu::Reads);
  return *from;
}
template <typename T> DEVICE void store(T *to, T value) {
  bitpipe_gpu_access(to, sizeof(T), bitpipe::gpu::Writes);
  *to = value;
}
#endif

/// The number of the calling thread among all, and how many there are.
DEVICE int64_t globalThread() { return int64_t(block()) * threads() + thread(); }
DEVICE int64_t globalThreads() { return int64_t(blocks()) * threads(); }

/// The value that the thread of the warp has whose number differs in the bits of `mask`.
DEVICE float shuffle(float value, int32_t mask) {
  return __builtin_bit_cast(float, shuffleBits(__builtin_bit_cast(int32_t, value), mask));
}

DEVICE float fromBrain(uint16_t bits) {
  return __builtin_bit_cast(float, uint32_t(bits) << 16);
}
/// To nearest, ties to even; NaN stays one.
DEVICE uint16_t toBrain(float value) {
  uint32_t bits = __builtin_bit_cast(uint32_t, value);
  if ((bits & 0x7fffffffu) > 0x7f800000u)
    return uint16_t((bits >> 16) | 0x40u);
  return uint16_t((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

DEVICE bool isFinite(double value) {
  return (__builtin_bit_cast(uint64_t, value) >> 52 & 0x7ff) != 0x7ff;
}

#endif // BITPIPE_RUNTIME_CUDA_KERNELS_GPU_H
