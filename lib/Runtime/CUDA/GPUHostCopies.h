//===- GPUHostCopies.h - Between a GPU and what its host keeps -------------------===//
//
// A copy is a message of a device to itself. When both its ends have been started, it goes into
// the stream of its direction, behind what the device has come to: an event of the stream that
// computes. Its end is an event again, for which waits whoever touches the memory of
// one of the two ends next; Waits.cpp finds who that is.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CUDA_GPUHOSTCOPIES_H
#define BITPIPE_RUNTIME_CUDA_GPUHOSTCOPIES_H

#include "lib/Runtime/CUDA/CUDADevice.h"
#include "lib/Runtime/Plan/Links.h"

#include <map>

namespace bitpipe {

class GPUHostCopies {
public:
  /// Those of a device, which has that number.
  GPUHostCopies(const Links &links, CUDADevice &device, int64_t number);

  /// Starts one of the two ends, by the thread of the device.
  void start(int64_t message);
  /// As Transport::completion. A step ends after all copies that it has started.
  Event completion(int64_t message, bool previousStep, uint32_t step) const;

private:
  struct Copy {
    Copy(const GPU &gpu, size_t instruction)
        : ready(gpu), complete(gpu), instruction(instruction) {}

    CUDAEvent ready, complete;
    const size_t instruction; // that sends it
    Counter started, enqueued;
  };

  void enqueue(const MessageLink &link, const CUDAStream &stream) const;

  const Links &links;
  CUDADevice &device;
  std::map<int64_t, Copy> copies; // by message
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CUDA_GPUHOSTCOPIES_H
