//===- StepGraph.cpp - A whole step as one CUDA graph ----------------------------===//

#include "lib/Runtime/CUDA/StepGraph.h"

using namespace bitpipe;
using cuda::check;
using cuda::driver;

/// The step that is captured.
constexpr uint32_t captured = 1;

StepGraph::StepGraph(Share share, const std::vector<const GPU *> &gpus)
    : share(share), forked(*gpus.front()), done(*gpus.front()) {
  for (const GPU *gpu : gpus) {
    ready.emplace_back(*gpu);
    walked.emplace_back(*gpu);
  }
}

StepGraph::~StepGraph() { destroy(); }

void StepGraph::destroy() {
  if (graph)
    driver().graphExecDestroy(graph);
  graph = nullptr;
}

/// The first device's stream takes in all others, then the capture begins there and takes
/// in the others again.
bool StepGraph::begin(int64_t device, uint32_t step, const CUDAStream &stream) {
  if (step < captured)
    return true;
  auto devices = uint32_t(share.count());
  ready[device - share.first].record(stream);
  arrived.advance();
  if (leads(device)) {
    arrived.waitFor(devices * step);
    for (const CUDAEvent &event : ready)
      stream.await(event);
    if (step == captured) {
      check(driver().streamBeginCapture(stream, cuda::CaptureRelaxed), "begin a graph");
      forked.record(stream);
    }
    open.advance();
    return step == captured;
  }
  open.waitFor(step);
  if (step == captured)
    stream.await(forked);
  return step == captured;
}

void StepGraph::end(int64_t device, uint32_t step, const CUDAStream &stream) {
  if (step < captured)
    return;
  if (!leads(device)) {
    if (step == captured) {
      walked[device - share.first].record(stream);
      finished.advance();
    }
    launched.waitFor(step);
    return stream.await(done);
  }
  if (step == captured)
    capture(stream);
  launch(stream);
}

void StepGraph::capture(const CUDAStream &stream) {
  finished.waitFor(uint32_t(share.count()) - 1);
  for (size_t i = 1; i < walked.size(); ++i)
    stream.await(walked[i]);
  cuda::Graph steps = nullptr;
  check(driver().streamEndCapture(stream, &steps), "end a graph");
  check(driver().graphInstantiate(&graph, steps, 0), "make a graph");
  driver().graphDestroy(steps);
}

void StepGraph::launch(const CUDAStream &stream) {
  check(driver().graphLaunch(graph, stream), "launch a graph");
  done.record(stream);
  launched.advance();
}
