//===- NCCLTypes.h - What bitpipe uses of NCCL ------------------------------===//
//
// Declarations of our own; see DriverTypes.h.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CUDA_NCCLTYPES_H
#define BITPIPE_RUNTIME_CUDA_NCCLTYPES_H

#include "lib/Runtime/CUDA/DriverTypes.h"

namespace bitpipe::nccl {

enum Status : int { Success = 0, InProgress = 7 };
using Communicator = struct CommunicatorTag *;
struct UniqueId {
  char internal[128];
};
enum DataType : int { Int8 = 0, Float32 = 7, Float64 = 8 };
enum Operation : int { Sum = 0 };

} // namespace bitpipe::nccl

#endif // BITPIPE_RUNTIME_CUDA_NCCLTYPES_H
