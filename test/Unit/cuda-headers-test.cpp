//===- cuda-headers-test.cpp - Our declarations beside the vendor's --------------===//
//
// Compiled where the headers are; compiling it is the test.
//
//===----------------------------------------------------------------------===//

#include "lib/Runtime/CUDA/Libraries.h"

#ifdef BITPIPE_EXPECT_HEADERS
#include <cublasLt.h>
#include <cuda.h>
#include <cuda_runtime_api.h>
#include <cudnn.h>
#include <nccl.h>
#endif

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
SAME(EpilogueBGradA, CUBLASLT_EPILOGUE_BGRADA);
SAME(EpilogueBGradB, CUBLASLT_EPILOGUE_BGRADB);
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

#if __has_include(<cudnn.h>) && __has_include(<cuda_runtime_api.h>)
#include <cudnn.h>
#define SAME(ours, theirs) static_assert(int(bitpipe::cudnn::ours) == int(theirs))
SAME(Success, CUDNN_STATUS_SUCCESS);
SAME(BadParam, CUDNN_STATUS_BAD_PARAM);
SAME(NotSupported, CUDNN_STATUS_NOT_SUPPORTED);
SAME(ExecutionFailed, CUDNN_STATUS_EXECUTION_FAILED);
SAME(Pointwise, CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
SAME(Engine, CUDNN_BACKEND_ENGINE_DESCRIPTOR);
SAME(EngineConfig, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
SAME(EngineHeuristic, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
SAME(ExecutionPlan, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
SAME(OperationPointwise, CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
SAME(OperationGraph, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
SAME(VariantPack, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
SAME(TensorDescriptor, CUDNN_BACKEND_TENSOR_DESCRIPTOR);
SAME(Matmul, CUDNN_BACKEND_MATMUL_DESCRIPTOR);
SAME(OperationMatmul, CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR);
SAME(Reduction, CUDNN_BACKEND_REDUCTION_DESCRIPTOR);
SAME(OperationReduction, CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR);
SAME(OperationReshape, CUDNN_BACKEND_OPERATION_RESHAPE_DESCRIPTOR);
SAME(DeviceProperties, CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
SAME(PointwiseMode, CUDNN_ATTR_POINTWISE_MODE);
SAME(PointwisePrecision, CUDNN_ATTR_POINTWISE_MATH_PREC);
SAME(PointwiseAxis, CUDNN_ATTR_POINTWISE_AXIS);
SAME(HeuristicMode, CUDNN_ATTR_ENGINEHEUR_MODE);
SAME(HeuristicGraph, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH);
SAME(HeuristicResults, CUDNN_ATTR_ENGINEHEUR_RESULTS);
SAME(HeuristicDevice, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP);
SAME(ConfigEngine, CUDNN_ATTR_ENGINECFG_ENGINE);
SAME(PlanHandle, CUDNN_ATTR_EXECUTION_PLAN_HANDLE);
SAME(PlanConfig, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG);
SAME(PlanWorkspace, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE);
SAME(PlanDevice, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP);
SAME(OperationPointwiseDescriptor, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR);
SAME(OperationPointwiseX, CUDNN_ATTR_OPERATION_POINTWISE_XDESC);
SAME(OperationPointwiseB, CUDNN_ATTR_OPERATION_POINTWISE_BDESC);
SAME(OperationPointwiseY, CUDNN_ATTR_OPERATION_POINTWISE_YDESC);
SAME(OperationPointwiseT, CUDNN_ATTR_OPERATION_POINTWISE_TDESC);
SAME(GraphHandle, CUDNN_ATTR_OPERATIONGRAPH_HANDLE);
SAME(GraphOperations, CUDNN_ATTR_OPERATIONGRAPH_OPS);
SAME(TensorAlignment, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT);
SAME(TensorType, CUDNN_ATTR_TENSOR_DATA_TYPE);
SAME(TensorSizes, CUDNN_ATTR_TENSOR_DIMENSIONS);
SAME(TensorStrides, CUDNN_ATTR_TENSOR_STRIDES);
SAME(TensorNumber, CUDNN_ATTR_TENSOR_UNIQUE_ID);
SAME(TensorIsVirtual, CUDNN_ATTR_TENSOR_IS_VIRTUAL);
SAME(TensorIsByValue, CUDNN_ATTR_TENSOR_IS_BY_VALUE);
SAME(PackNumbers, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS);
SAME(PackPointers, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS);
SAME(PackWorkspace, CUDNN_ATTR_VARIANT_PACK_WORKSPACE);
SAME(EngineNotes, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE);
SAME(MatmulType, CUDNN_ATTR_MATMUL_COMP_TYPE);
SAME(OperationMatmulA, CUDNN_ATTR_OPERATION_MATMUL_ADESC);
SAME(OperationMatmulB, CUDNN_ATTR_OPERATION_MATMUL_BDESC);
SAME(OperationMatmulC, CUDNN_ATTR_OPERATION_MATMUL_CDESC);
SAME(OperationMatmulDescriptor, CUDNN_ATTR_OPERATION_MATMUL_DESC);
SAME(ReductionOperator, CUDNN_ATTR_REDUCTION_OPERATOR);
SAME(ReductionType, CUDNN_ATTR_REDUCTION_COMP_TYPE);
SAME(OperationReductionX, CUDNN_ATTR_OPERATION_REDUCTION_XDESC);
SAME(OperationReductionY, CUDNN_ATTR_OPERATION_REDUCTION_YDESC);
SAME(OperationReductionDescriptor, CUDNN_ATTR_OPERATION_REDUCTION_DESC);
SAME(OperationReshapeX, CUDNN_ATTR_OPERATION_RESHAPE_XDESC);
SAME(OperationReshapeY, CUDNN_ATTR_OPERATION_RESHAPE_YDESC);
SAME(DeviceText, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION);
SAME(HandleType, CUDNN_TYPE_HANDLE);
SAME(DataTypeType, CUDNN_TYPE_DATA_TYPE);
SAME(BooleanType, CUDNN_TYPE_BOOLEAN);
SAME(Int64Type, CUDNN_TYPE_INT64);
SAME(PointerType, CUDNN_TYPE_VOID_PTR);
SAME(HeuristicModeType, CUDNN_TYPE_HEUR_MODE);
SAME(NoteType, CUDNN_TYPE_NUMERICAL_NOTE);
SAME(PointwiseModeType, CUDNN_TYPE_POINTWISE_MODE);
SAME(DescriptorAttribute, CUDNN_TYPE_BACKEND_DESCRIPTOR);
SAME(ReductionOperatorType, CUDNN_TYPE_REDUCTION_OPERATOR_TYPE);
SAME(CharType, CUDNN_TYPE_CHAR);
SAME(Float32, CUDNN_DATA_FLOAT);
SAME(Int32, CUDNN_DATA_INT32);
SAME(Brain16, CUDNN_DATA_BFLOAT16);
SAME(Boolean, CUDNN_DATA_BOOLEAN);
SAME(Add, CUDNN_POINTWISE_ADD);
SAME(Multiply, CUDNN_POINTWISE_MUL);
SAME(Divide, CUDNN_POINTWISE_DIV);
SAME(Subtract, CUDNN_POINTWISE_SUB);
SAME(Exp, CUDNN_POINTWISE_EXP);
SAME(Log, CUDNN_POINTWISE_LOG);
SAME(Identity, CUDNN_POINTWISE_IDENTITY);
SAME(IsGreater, CUDNN_POINTWISE_CMP_GT);
SAME(IsAtLeast, CUDNN_POINTWISE_CMP_GE);
SAME(Index, CUDNN_POINTWISE_GEN_INDEX);
SAME(Select, CUDNN_POINTWISE_BINARY_SELECT);
SAME(ReduceAdd, CUDNN_REDUCE_TENSOR_ADD);
SAME(ReduceMax, CUDNN_REDUCE_TENSOR_MAX);
SAME(HeuristicFallback, CUDNN_HEUR_MODE_FALLBACK);
SAME(HeuristicA, CUDNN_HEUR_MODE_A);
SAME(Nondeterministic, CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC);
static_assert(int(bitpipe::cudnn::noteCount) >= int(CUDNN_NUMERICAL_NOTE_TYPE_COUNT));
static_assert(sizeof(bitpipe::cudnn::DataType) == sizeof(cudnnDataType_t) &&
              sizeof(bitpipe::cudnn::Mode) == sizeof(cudnnPointwiseMode_t) &&
              sizeof(bitpipe::cudnn::Note) == sizeof(cudnnBackendNumericalNote_t) &&
              sizeof(bool) == 1);
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
