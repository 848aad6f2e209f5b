//===- VendorNames.h - Functions of the vendor's libraries by their names -----===//
//
// What printed programs call, declared from the runtime's tables: no header of CUDA or
// NCCL is needed, and none may be included beside this one.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_PRINTED_VENDORNAMES_H
#define BITPIPE_RUNTIME_PRINTED_VENDORNAMES_H

#include "lib/Runtime/CUDA/BlasTypes.h"
#include "lib/Runtime/CUDA/NCCLTypes.h"

#include <type_traits>

#define FUNCTION(name, symbol, ...) extern "C" std::type_identity_t<__VA_ARGS__> symbol;

namespace bitpipe::cuda {
#include "lib/Runtime/CUDA/DriverFunctions.inc"
} // namespace bitpipe::cuda

namespace bitpipe::blas {
#include "lib/Runtime/CUDA/BlasFunctions.inc"
} // namespace bitpipe::blas

namespace bitpipe::nccl {
#include "lib/Runtime/CUDA/NCCLFunctions.inc"
} // namespace bitpipe::nccl

#undef FUNCTION

namespace bitpipe::printed {

using CUresult = cuda::Result;
using CUdeviceptr = cuda::Pointer;
using CUstream = cuda::Stream;
using CUevent = cuda::EventHandle;
using CUfunction = cuda::Function;
using cuda::cuEventRecord;
using cuda::cuLaunchKernel;
using cuda::cuStreamWaitEvent;
inline constexpr auto &cuMemcpyDtoHAsync = cuda::cuMemcpyDtoHAsync_v2; // as cuda.h has them
inline constexpr auto &cuMemcpyHtoDAsync = cuda::cuMemcpyHtoDAsync_v2;

using cublasStatus_t = blas::Status;
using blas::cublasLtMatmul;

using ncclResult_t = nccl::Status;
using ncclComm_t = nccl::Communicator;
constexpr nccl::DataType ncclInt8 = nccl::Int8, ncclFloat = nccl::Float32,
                         ncclDouble = nccl::Float64;
constexpr nccl::Operation ncclSum = nccl::Sum;
using nccl::ncclAllGather;
using nccl::ncclAllReduce;
using nccl::ncclBroadcast;
using nccl::ncclGroupEnd;
using nccl::ncclGroupStart;
using nccl::ncclReduceScatter;
using nccl::ncclRecv;
using nccl::ncclSend;

} // namespace bitpipe::printed

#endif // BITPIPE_RUNTIME_PRINTED_VENDORNAMES_H
