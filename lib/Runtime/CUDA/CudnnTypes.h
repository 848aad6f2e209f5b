//===- CudnnTypes.h - What bitpipe uses of cuDNN ----------------------------===//
//
// Declarations of our own of the library's backend interface; see DriverTypes.h. All it
// knows are descriptors: what one describes is said by attributes, which are arrays.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CUDA_CUDNNTYPES_H
#define BITPIPE_RUNTIME_CUDA_CUDNNTYPES_H

#include "lib/Runtime/CUDA/DriverTypes.h"

namespace bitpipe::cudnn {

enum Status : int { Success = 0, BadParam = 2000, NotSupported = 3000, ExecutionFailed = 5000 };

using Handle = struct HandleTag *;
using RawDescriptor = void *;

enum DescriptorType : int {
  Pointwise = 0,
  Engine = 2,
  EngineConfig = 3,
  EngineHeuristic = 4,
  ExecutionPlan = 5,
  OperationPointwise = 13,
  OperationGraph = 15,
  VariantPack = 16,
  TensorDescriptor = 17,
  Matmul = 18,
  OperationMatmul = 19,
  Reduction = 21,
  OperationReduction = 22,
  OperationReshape = 31,
  DeviceProperties = 38,
};

enum Attribute : int {
  PointwiseMode = 0,
  PointwisePrecision = 1,
  PointwiseAxis = 9,
  HeuristicMode = 200,
  HeuristicGraph = 201,
  HeuristicResults = 202,
  HeuristicDevice = 204,
  ConfigEngine = 300,
  PlanHandle = 400,
  PlanConfig = 401,
  PlanWorkspace = 402,
  PlanDevice = 407,
  OperationPointwiseDescriptor = 750,
  OperationPointwiseX = 751,
  OperationPointwiseB = 752,
  OperationPointwiseY = 753,
  OperationPointwiseT = 758,
  GraphHandle = 800,
  GraphOperations = 801,
  TensorAlignment = 900,
  TensorType = 901,
  TensorSizes = 902,
  TensorStrides = 903,
  TensorNumber = 906,
  TensorIsVirtual = 907,
  TensorIsByValue = 908,
  PackNumbers = 1000,
  PackPointers = 1001,
  PackWorkspace = 1003,
  EngineNotes = 1303,
  MatmulType = 1500,
  OperationMatmulA = 1520,
  OperationMatmulB = 1521,
  OperationMatmulC = 1522,
  OperationMatmulDescriptor = 1523,
  ReductionOperator = 1600,
  ReductionType = 1601,
  OperationReductionX = 1610,
  OperationReductionY = 1611,
  OperationReductionDescriptor = 1612,
  OperationReshapeX = 2200,
  OperationReshapeY = 2201,
  DeviceText = 2702,
};

enum AttributeType : int {
  HandleType = 0,
  DataTypeType = 1,
  BooleanType = 2,
  Int64Type = 3,
  PointerType = 6,
  HeuristicModeType = 8,
  NoteType = 11,
  PointwiseModeType = 14,
  DescriptorAttribute = 15,
  ReductionOperatorType = 18,
  CharType = 24,
};

enum DataType : int { Float32 = 0, Int32 = 4, Brain16 = 9, Boolean = 11 };
enum Mode : int {
  Add = 0,
  Multiply = 1,
  Divide = 6,
  Subtract = 9,
  Exp = 13,
  Log = 15,
  Identity = 21,
  IsGreater = 302,
  IsAtLeast = 303,
  Index = 501,
  Select = 601,
};
enum Reduce : int { ReduceAdd = 0, ReduceMax = 3 };
enum HeuristicKind : int { HeuristicFallback = 2, HeuristicA = 3 };
/// Of an engine.
enum Note : int { Nondeterministic = 4, noteCount = 32 };

} // namespace bitpipe::cudnn

#endif // BITPIPE_RUNTIME_CUDA_CUDNNTYPES_H
