//===- HostLink.h - What a GPU's host keeps of it, and the way there ------------===//
//
// The plan's memory on the host is one piece that the driver has pinned, so that nobody waits for
// a copy but streams. Copies to it and from it have a stream each: a GPU makes one of
// either at once.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CUDA_HOSTLINK_H
#define BITPIPE_RUNTIME_CUDA_HOSTLINK_H

#include "lib/Runtime/CUDA/Handles.h"

namespace bitpipe {

class HostLink {
public:
  /// Throws a UserError that says for what the host has no memory.
  HostLink(const GPU &gpu, size_t bytes, const std::string &purpose)
      : gpu(gpu), arena(bytes, purpose), out(gpu, CUDAStream::High), back(gpu, CUDAStream::High) {}
  /// Nothing may be under way when the memory goes, as it is where a run ends early.
  ~HostLink() {
    gpu.use();
    for (cuda::Stream stream : {cuda::Stream(out), cuda::Stream(back)})
      cuda::driver().streamSynchronize(stream); // which may have failed: no error here
  }

  char *memory() const { return arena.data(); }
  const CUDAStream &toHost() const { return out; }
  const CUDAStream &fromHost() const { return back; }

private:
  const GPU &gpu;
  const PinnedMemory arena;
  const CUDAStream out, back;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CUDA_HOSTLINK_H
