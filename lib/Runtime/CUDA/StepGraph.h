//===- StepGraph.h - A whole step as one CUDA graph ------------------------------===//
//
// All devices of a process together: the first step is walked, since libraries and
// modules warm up; the second is walked while the streams of all devices are captured,
// with messages and sums between them as edges; from then on the graph is launched.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CUDA_STEPGRAPH_H
#define BITPIPE_RUNTIME_CUDA_STEPGRAPH_H

#include "lib/Runtime/CUDA/Handles.h"
#include "lib/Runtime/Execute/Counter.h"
#include "lib/Runtime/Launch/Share.h"

#include <deque>

namespace bitpipe {

class StepGraph {
public:
  /// `gpus` are those of the devices.
  StepGraph(Share share, const std::vector<const GPU *> &gpus);
  ~StepGraph();

  /// Called by the thread of every device when the inputs of the step are on their way
  /// on its stream. True if the step is to be walked.
  bool begin(int64_t device, uint32_t step, const CUDAStream &stream);
  /// Called when it has been walked, or need not be.
  void end(int64_t device, uint32_t step, const CUDAStream &stream);

  /// Gives the graph back, when all of it has ended. Communicators that it uses end after it:
  /// NCCL waits until then.
  void destroy();

private:
  bool leads(int64_t device) const { return device == share.first; }
  void capture(const CUDAStream &stream);
  void launch(const CUDAStream &stream);

  const Share share;
  std::deque<CUDAEvent> ready, walked; // by device of this process
  CUDAEvent forked, done;
  Counter arrived, open, finished, launched; // devices, or steps, so far
  cuda::GraphExec graph = nullptr;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CUDA_STEPGRAPH_H
