//===- CUDAProcess.h - The GPUs of this process ----------------------------------===//

#ifndef BITPIPE_RUNTIME_CUDA_CUDAPROCESS_H
#define BITPIPE_RUNTIME_CUDA_CUDAPROCESS_H

#include "lib/Runtime/CUDA/CUDAOptions.h"
#include "lib/Runtime/CUDA/PeerTransport.h"

namespace bitpipe {

/// Owns what the devices of a process have in common. It outlives them.
class CUDAProcess {
public:
  /// `hostRank` is how many ranks before this one are on its host. Throws a UserError if
  /// there are not enough GPUs, or they cannot run the plan.
  CUDAProcess(const Program &program, const World &world, Share share, int64_t hostRank,
              const CUDAOptions &options, bool timed);

  /// A device of this process, in the order of their numbers.
  std::unique_ptr<Device> makeDevice(int64_t number, Calls &names, size_t events);
  /// When all ranks have made their devices; all call it.
  std::unique_ptr<Transport> connect(World &world, const Links &links);

  /// Of all devices of this process.
  LibraryCounts libraryCounts() const;

  void timeCalls() {
    for (CUDADevice *device : devices)
      device->timeCalls();
  }

private:
  void openGPUs(bool shares);
  void openOwnGPU(const World &world, int64_t hostRank);
  void checkArchitecture(const GPU &gpu) const;
  std::unique_ptr<Transport> connectDevices(World &world, const Links &links);

  const Program &program;
  const Share share;
  const bool timed;
  const LibraryChoices libraries;
  const printed::Table *const printed; // null: lists are walked
  std::string image; // of the plan's kernels
  std::vector<std::unique_ptr<GPU>> gpus;
  std::vector<const GPU *> gpuOf; // by device of this process
  std::unique_ptr<StepGraph> graph;
  std::vector<CUDADevice *> devices; // so far
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CUDA_CUDAPROCESS_H
