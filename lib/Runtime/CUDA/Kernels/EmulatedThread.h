//===- EmulatedThread.h - What an emulated thread asks of who loaded it ----===//
//
// The hardware of a GPU, for kernels that are compiled for the host: the runtime's own
// and the plan's. Sizes of integers are known to whoever includes this.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CUDA_KERNELS_EMULATEDTHREAD_H
#define BITPIPE_RUNTIME_CUDA_KERNELS_EMULATEDTHREAD_H

namespace bitpipe::gpu {
/// What is done to memory: for other threads of the warp, too, or by an atomic operation.
enum Access : int32_t { Reads, Writes, ReadsForWarp, Changes };
} // namespace bitpipe::gpu

extern "C" {
int32_t bitpipe_gpu_thread();
int32_t bitpipe_gpu_block();
int32_t bitpipe_gpu_threads();
int32_t bitpipe_gpu_blocks();
void bitpipe_gpu_barrier();
int32_t bitpipe_gpu_shuffle_xor(int32_t value, int32_t mask);
// What every thread of the warp gives, one behind the other, until they meet again.
const void *bitpipe_gpu_exchange(const void *value, int64_t bytes);
void *bitpipe_gpu_shared();
void bitpipe_gpu_access(void *address, int64_t bytes, bitpipe::gpu::Access access);
// Copies to shared memory while the thread goes on, until it awaits all that it has started;
// zeros if `from` is null.
void bitpipe_gpu_start_copy(void *to, const void *from, int64_t bytes);
void bitpipe_gpu_await_copies();
}

#endif // BITPIPE_RUNTIME_CUDA_KERNELS_EMULATEDTHREAD_H
