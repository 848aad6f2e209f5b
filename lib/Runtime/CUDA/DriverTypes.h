//===- DriverTypes.h - What bitpipe uses of CUDA's driver -------------------===//
//
// Declarations of our own, so that no header of CUDA is needed to build; a test
// compares them with the real ones where these are (test/Unit/cuda-headers-test.cpp).
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CUDA_DRIVERTYPES_H
#define BITPIPE_RUNTIME_CUDA_DRIVERTYPES_H

#include <cstddef>
#include <cstdint>

namespace bitpipe::cuda {

/// Of the driver; other values may come.
enum Result : int {
  Success = 0,
  InvalidValue = 1,
  OutOfMemory = 2,
  NotInitialized = 3,
  NoDevice = 100,
  InvalidDevice = 101,
  InvalidImage = 200,
  InvalidContext = 201,
  NoBinaryForGPU = 209,
  ECCUncorrectable = 214,
  InvalidPTX = 218,
  UnsupportedPTXVersion = 222,
  InvalidHandle = 400,
  NotFound = 500,
  NotReady = 600,
  IllegalAddress = 700,
  LaunchTimeout = 702,
  PeerAccessAlreadyEnabled = 704,
  KernelAsserts = 710,
  HardwareStack = 714,
  IllegalInstruction = 715,
  MisalignedAddress = 716,
  InvalidAddressSpace = 717,
  InvalidPC = 718,
  LaunchFailed = 719,
  CaptureUnsupported = 900,
  CaptureInvalidated = 901,
  CaptureUnmatched = 903,
  CaptureUnjoined = 904,
  CaptureIsolation = 905,
};

using Device = int;
/// An address in the memory of a GPU.
using Pointer = unsigned long long;
using Context = struct ContextTag *;
using Module = struct ModuleTag *;
using Function = struct FunctionTag *;
using Stream = struct StreamTag *;
using EventHandle = struct EventTag *;
using Graph = struct GraphTag *;
using GraphExec = struct GraphExecTag *;

enum StreamFlags : unsigned { StreamNonBlocking = 1 };
enum EventFlags : unsigned { EventDefault = 0, EventBlockingSync = 1, EventDisableTiming = 2 };
enum CaptureMode : int { CaptureRelaxed = 2 };
enum HostFlags : unsigned { HostPortable = 1 };
enum FunctionAttribute : int { MaxDynamicSharedBytes = 8 };
enum DeviceAttribute : int {
  MultiprocessorCount = 16,
  ComputeCapabilityMajor = 75,
  ComputeCapabilityMinor = 76
};
enum JitOption : int { JitErrorLogBuffer = 5, JitErrorLogBytes = 6 };

/// `extra` of a launch: the parameters as one buffer.
inline void *const launchBuffer = reinterpret_cast<void *>(1);
inline void *const launchBufferBytes = reinterpret_cast<void *>(2);
inline void *const launchEnd = nullptr;

} // namespace bitpipe::cuda

#endif // BITPIPE_RUNTIME_CUDA_DRIVERTYPES_H
