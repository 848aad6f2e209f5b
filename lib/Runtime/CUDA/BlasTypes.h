//===- BlasTypes.h - What bitpipe uses of cuBLASLt --------------------------===//
//
// Declarations of our own; see DriverTypes.h.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CUDA_BLASTYPES_H
#define BITPIPE_RUNTIME_CUDA_BLASTYPES_H

#include "lib/Runtime/CUDA/DriverTypes.h"

namespace bitpipe::blas {

enum Status : int { Success = 0, NotInitialized = 1, InvalidValue = 7, NotSupported = 15 };

using Handle = struct HandleTag *;
using MatmulDesc = struct MatmulDescTag *;
using MatrixLayout = struct MatrixLayoutTag *;
using Preference = struct PreferenceTag *;

enum DataType : int { Float32 = 0, Brain16 = 14 };
enum ComputeType : int { Compute32F = 68 };
enum Operation : int { OpN = 0, OpT = 1 };
enum DescAttribute : int { TransA = 3, TransB = 4, Epilogue = 7, BiasPointer = 8, BiasType = 26 };
/// Sums over k of a's rows (BGradA) or b's columns (BGradB) are stored, as biases are read
/// from there: at the bias pointer, of the bias type.
enum EpilogueKind : uint32_t {
  EpilogueDefault = 1,
  EpilogueBias = 4,
  EpilogueBGradA = 256,
  EpilogueBGradB = 512
};
enum LayoutAttribute : int { BatchCount = 5, BatchOffset = 6 };
enum PreferenceAttribute : int {
  MaxWorkspace = 1,
  ReductionMask = 3,
  AlignmentA = 5,
  AlignmentB = 6,
  AlignmentC = 7,
  AlignmentD = 8
};
/// Parts of a sum over k are added up in f32, in one order.
enum Reduction : uint32_t { ReductionInPlace = 1, ReductionComputeType = 2 };

struct Algorithm {
  uint64_t data[8];
};
struct Heuristic {
  Algorithm algorithm;
  size_t workspaceBytes;
  Status state;
  float waves;
  int reserved[4];
};

} // namespace bitpipe::blas

#endif // BITPIPE_RUNTIME_CUDA_BLASTYPES_H
