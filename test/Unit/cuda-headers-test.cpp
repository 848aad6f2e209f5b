//===- cuda-headers-test.cpp - Our declarations beside the vendor's --------------===//
//
// Compiled where the headers are; compiling it is the test.
//
//===----------------------------------------------------------------------===//

#include "lib/Runtime/CUDA/Libraries.h"

#if __has_include(<cuda.h>)
#include <cuda.h>
#define SAME(ours, theirs) static_assert(int(bitpipe::cuda::ours) == int(theirs))
SAME(Success, CUDA_SUCCESS);
SAME(InvalidValue, CUDA_ERROR_INVALID_VALUE);
SAME(OutOfMemory, CUDA_ERROR_OUT_OF_MEMORY);
SAME(NotInitialized, CUDA_ERROR_NOT_INITIALIZED);
SAME(NoDevice, CUDA_ERROR_NO_DEVICE);
SAME(InvalidDevice, CUDA_ERROR_INVALID_DEVICE);
SAME(InvalidImage, CUDA_ERROR_INVALID_IMAGE);
SAME(InvalidContext, CUDA_ERROR_INVALID_CONTEXT);
SAME(NoBinaryForGPU, CUDA_ERROR_NO_BINARY_FOR_GPU);
SAME(InvalidPTX, CUDA_ERROR_INVALID_PTX);
SAME(UnsupportedPTXVersion, CUDA_ERROR_UNSUPPORTED_PTX_VERSION);
SAME(InvalidHandle, CUDA_ERROR_INVALID_HANDLE);
SAME(NotFound, CUDA_ERROR_NOT_FOUND);
SAME(NotReady, CUDA_ERROR_NOT_READY);
SAME(IllegalAddress, CUDA_ERROR_ILLEGAL_ADDRESS);
SAME(PeerAccessAlreadyEnabled, CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED);
SAME(LaunchFailed, CUDA_ERROR_LAUNCH_FAILED);
SAME(CaptureUnsupported, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
SAME(CaptureInvalidated, CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
SAME(CaptureUnmatched, CUDA_ERROR_STREAM_CAPTURE_UNMATCHED);
SAME(CaptureUnjoined, CUDA_ERROR_STREAM_CAPTURE_UNJOINED);
SAME(CaptureIsolation, CUDA_ERROR_STREAM_CAPTURE_ISOLATION);
SAME(StreamNonBlocking, CU_STREAM_NON_BLOCKING);
SAME(EventBlockingSync, CU_EVENT_BLOCKING_SYNC);
SAME(EventDisableTiming, CU_EVENT_DISABLE_TIMING);
SAME(CaptureRelaxed, CU_STREAM_CAPTURE_MODE_RELAXED);
SAME(HostPortable, CU_MEMHOSTALLOC_PORTABLE);
SAME(MaxDynamicSharedBytes, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES);
SAME(MultiprocessorCount, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
SAME(ComputeCapabilityMajor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
SAME(ComputeCapabilityMinor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
SAME(JitErrorLogBuffer, CU_JIT_ERROR_LOG_BUFFER);
SAME(JitErrorLogBytes, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES);
static_assert(sizeof(bitpipe::cuda::Pointer) == sizeof(CUdeviceptr));
static_assert(sizeof(bitpipe::cuda::Device) == sizeof(CUdevice));
static_assert(CU_LAUNCH_PARAM_BUFFER_POINTER_AS_INT == 1 && CU_LAUNCH_PARAM_BUFFER_SIZE_AS_INT == 2 &&
              CU_LAUNCH_PARAM_END_AS_INT == 0);
#undef SAME
#endif

#if __has_include(<cublasLt.h>) && __has_include(<cuda_runtime_api.h>)
#include <cublasLt.h>
#define SAME(ours, theirs) static_assert(int(bitpipe::blas::ours) == int(theirs))
SAME(Success, CUBLAS_STATUS_SUCCESS);
SAME(InvalidValue, CUBLAS_STATUS_INVALID_VALUE);
SAME(NotSupported, CUBLAS_STATUS_NOT_SUPPORTED);
SAME(Float32, CUDA_R_32F);
SAME(Brain16, CUDA_R_16BF);
SAME(Compute32F, CUBLAS_COMPUTE_32F);
SAME(OpN, CUBLAS_OP_N);
SAME(OpT, CUBLAS_OP_T);
SAME(TransA, CUBLASLT_MATMUL_DESC_TRANSA);
SAME(TransB, CUBLASLT_MATMUL_DESC_TRANSB);
SAME(Epilogue, CUBLASLT_MATMUL_DESC_EPILOGUE);
SAME(BiasPointer, CUBLASLT_MATMUL_DESC_BIAS_POINTER);
SAME(BiasType, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE);
SAME(EpilogueDefault, CUBLASLT_EPILOGUE_DEFAULT);
SAME(EpilogueBias, CUBLASLT_EPILOGUE_BIAS);
SAME(BatchCount, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT);
SAME(BatchOffset, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET);
SAME(MaxWorkspace, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES);
SAME(ReductionMask, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK);
SAME(AlignmentA, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES);
SAME(AlignmentD, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES);
SAME(ReductionInPlace, CUBLASLT_REDUCTION_SCHEME_INPLACE);
SAME(ReductionComputeType, CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE);
static_assert(sizeof(bitpipe::blas::Algorithm) == sizeof(cublasLtMatmulAlgo_t));
static_assert(sizeof(bitpipe::blas::Heuristic) == sizeof(cublasLtMatmulHeuristicResult_t));
static_assert(offsetof(bitpipe::blas::Heuristic, state) == offsetof(cublasLtMatmulHeuristicResult_t, state));
#undef SAME
#endif

#if __has_include(<nccl.h>) && __has_include(<cuda_runtime_api.h>)
#include <nccl.h>
#define SAME(ours, theirs) static_assert(int(bitpipe::nccl::ours) == int(theirs))
SAME(Success, ncclSuccess);
SAME(InProgress, ncclInProgress);
SAME(Int8, ncclInt8);
SAME(Float32, ncclFloat32);
SAME(Float64, ncclFloat64);
SAME(Sum, ncclSum);
static_assert(sizeof(bitpipe::nccl::UniqueId) == sizeof(ncclUniqueId));
static_assert(bitpipe::nccl::Config::unset == NCCL_CONFIG_UNDEF_INT);
#define SAME_PLACE(ours, theirs)                                                               \
  static_assert(offsetof(bitpipe::nccl::Config, ours) == offsetof(ncclConfig_t, theirs))
SAME_PLACE(size, size);
SAME_PLACE(magic, magic);
SAME_PLACE(version, version);
SAME_PLACE(blocking, blocking);
SAME_PLACE(clusterSize, cgaClusterSize);
SAME_PLACE(minBlocks, minCTAs);
SAME_PLACE(maxBlocks, maxCTAs);
SAME_PLACE(network, netName);
SAME_PLACE(splitsShare, splitShare);
#undef SAME_PLACE
#undef SAME
#endif

int main() {}
