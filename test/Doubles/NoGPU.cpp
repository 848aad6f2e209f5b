//===- NoGPU.cpp - A driver without a GPU --------------------------------------===//
//
// What cuDNN looks up of the driver and of cuBLASLt when it is asked for a plan, so that the
// real library can be asked on a machine without either. The driver does not start; nothing
// else is called.
//
//===----------------------------------------------------------------------===//

#include "lib/Runtime/CUDA/DriverTypes.h"

#include <cstdlib>

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT int cuInit(unsigned) { return bitpipe::cuda::NoDevice; }
EXPORT int cuDriverGetVersion(int *version) {
  *version = 13000;
  return bitpipe::cuda::Success;
}
EXPORT int cuGetErrorString(int, const char **text) {
  *text = "there is no GPU";
  return bitpipe::cuda::Success;
}
EXPORT size_t cublasLtGetVersion() { return 130000; }

#define UNUSED(name)                                                                         \
  EXPORT int name() { return bitpipe::cuda::NotInitialized; }
UNUSED(cuCtxGetCurrent)
UNUSED(cuCtxGetDevice)
UNUSED(cuCtxGetLimit)
UNUSED(cuCtxPopCurrent)
UNUSED(cuCtxPushCurrent)
UNUSED(cuDeviceGet)
UNUSED(cuDeviceGetAttribute)
UNUSED(cuDeviceGetCount)
UNUSED(cuFuncGetAttribute)
UNUSED(cuFuncSetAttribute)
UNUSED(cuGetErrorName)
UNUSED(cuGetProcAddress)
UNUSED(cuGetProcAddress_v2)
UNUSED(cuKernelGetAttribute)
UNUSED(cuKernelGetFunction)
UNUSED(cuKernelSetAttribute)
UNUSED(cuLaunchCooperativeKernel)
UNUSED(cuLaunchKernel)
UNUSED(cuLaunchKernelEx)
UNUSED(cuLibraryGetKernel)
UNUSED(cuLibraryLoadData)
UNUSED(cuLibraryLoadFromFile)
UNUSED(cuLibraryUnload)
UNUSED(cuLinkAddData)
UNUSED(cuLinkComplete)
UNUSED(cuLinkCreate)
UNUSED(cuLinkDestroy)
UNUSED(cuMemcpyHtoDAsync_v2)
UNUSED(cuMemsetD8Async)
UNUSED(cuModuleGetFunction)
UNUSED(cuModuleGetGlobal_v2)
UNUSED(cuModuleLoadData)
UNUSED(cuModuleLoadDataEx)
UNUSED(cuModuleUnload)
UNUSED(cuOccupancyMaxActiveBlocksPerMultiprocessor)
UNUSED(cuOccupancyMaxPotentialClusterSize)
UNUSED(cuStreamGetCtx)
UNUSED(cuStreamIsCapturing)
UNUSED(cuTensorMapEncodeIm2col)
UNUSED(cuTensorMapEncodeTiled)
UNUSED(cublasLtGetStatusName)
UNUSED(cublasLtGetStatusString)
UNUSED(cublasLtCreate)
UNUSED(cublasLtDestroy)
UNUSED(cublasLtMatmulDescCreate)
UNUSED(cublasLtMatmulDescDestroy)
UNUSED(cublasLtMatmulDescSetAttribute)
UNUSED(cublasLtMatrixLayoutCreate)
UNUSED(cublasLtMatrixLayoutDestroy)
UNUSED(cublasLtMatrixLayoutSetAttribute)
UNUSED(cublasLtMatmulPreferenceCreate)
UNUSED(cublasLtMatmulPreferenceDestroy)
UNUSED(cublasLtMatmulPreferenceSetAttribute)
UNUSED(cublasLtMatmulAlgoGetHeuristic)
UNUSED(cublasLtMatmul)
