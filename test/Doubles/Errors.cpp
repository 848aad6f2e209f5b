//===- Errors.cpp - What libcuda's results are called --------------------------===//

#include "lib/Runtime/CUDA/DriverTypes.h"

#include <cstdio>

using namespace bitpipe::cuda;

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT Result cuGetErrorName(Result result, const char **name) {
  switch (result) {
  case OutOfMemory:
    *name = "CUDA_ERROR_OUT_OF_MEMORY";
    break;
  case IllegalAddress:
    *name = "CUDA_ERROR_ILLEGAL_ADDRESS";
    break;
  case LaunchFailed:
    *name = "CUDA_ERROR_LAUNCH_FAILED";
    break;
  case InvalidImage:
    *name = "CUDA_ERROR_INVALID_IMAGE";
    break;
  case NoBinaryForGPU:
    *name = "CUDA_ERROR_NO_BINARY_FOR_GPU";
    break;
  default:
    *name = "CUDA_ERROR";
  }
  return Success;
}
EXPORT Result cuGetErrorString(Result result, const char **text) {
  static thread_local char buffer[32];
  std::snprintf(buffer, sizeof(buffer), "error %d of the doubles", int(result));
  *text = buffer;
  return Success;
}
