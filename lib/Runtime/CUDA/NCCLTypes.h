//===- NCCLTypes.h - What bitpipe uses of NCCL ------------------------------===//
//
// Declarations of our own; see DriverTypes.h.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CUDA_NCCLTYPES_H
#define BITPIPE_RUNTIME_CUDA_NCCLTYPES_H

#include "lib/Runtime/CUDA/DriverTypes.h"

#include <climits>

namespace bitpipe::nccl {

enum Status : int { Success = 0, UnhandledCudaError = 1, InProgress = 7 };
using Communicator = struct CommunicatorTag *;
struct UniqueId {
  char internal[128];
};
/// What a communicator may take; as NCCL 2.18 has it, which newer ones know by size and
/// version, and take their own choice for what is not there.
struct Config {
  static constexpr int unset = INT_MIN;

  size_t size = sizeof(Config);
  unsigned magic = 0xcafebeef, version = 21800;
  int blocking = unset, clusterSize = unset, minBlocks = unset, maxBlocks = unset;
  const char *network = nullptr;
  int splitsShare = unset, unused = unset;
};
enum DataType : int { Int8 = 0, Float32 = 7, Float64 = 8 };
enum Operation : int { Sum = 0 };

} // namespace bitpipe::nccl

#endif // BITPIPE_RUNTIME_CUDA_NCCLTYPES_H
