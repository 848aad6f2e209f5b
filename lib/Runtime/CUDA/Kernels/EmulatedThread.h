//===- EmulatedThread.h - What an emulated thread asks of who loaded it ----===//
//
// The hardware of a GPU, for kernels that are compiled for the host: the runtime's own
// and the plan's. Sizes of integers are known to whoever includes this.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CUDA_KERNELS_EMULATEDTHREAD_H
#define BITPIPE_RUNTIME_CUDA_KERNELS_EMULATEDTHREAD_H

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
void bitpipe_gpu_access(void *address, int64_t bytes, int32_t writes);
}

#endif // BITPIPE_RUNTIME_CUDA_KERNELS_EMULATEDTHREAD_H
