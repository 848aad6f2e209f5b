//===- AttentionTrial.h - Whether cuDNN computes what our own kernels do ------===//

#ifndef BITPIPE_RUNTIME_CUDA_ATTENTIONTRIAL_H
#define BITPIPE_RUNTIME_CUDA_ATTENTIONTRIAL_H

#include "lib/Runtime/CUDA/CudnnAttention.h"
#include "lib/Runtime/CUDA/OwnKernels.h"

namespace bitpipe {

/// Runs a call on made-up numbers, once by our own kernels and twice by cuDNN, in memory that
/// is taken for that. Says what differs by more than bf16 explains, is written where nothing belongs,
/// or is not the same bits twice; empty if nothing does.
std::string faultOfTrial(const AttentionCall &call, const GPU &gpu, const OwnKernels &kernels,
                         const CUDAStream &stream, CudnnAttention &attention);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CUDA_ATTENTIONTRIAL_H
