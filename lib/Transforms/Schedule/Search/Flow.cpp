//===- Flow.cpp - What the runs of a micro-batch read of each other --------===//

#include "lib/Transforms/Schedule/Search/Flow.h"

using namespace bitpipe::schedule;

/// Whether a tensor stays on its device from one run of its stage to another. What has moved
/// meanwhile counts as what was saved.
static bool stays(Tensor::Sort sort) {
  return sort == Tensor::Saved || sort == Tensor::Loaded || sort == Tensor::Kept ||
         sort == Tensor::Input;
}
static Tensor::Sort asMade(Tensor::Sort sort) {
  return sort == Tensor::Loaded ? Tensor::Saved : sort;
}

static bool anyStays(const Tensors &tensors) {
  for (const Tensor &tensor : tensors)
    if (stays(tensor.sort))
      return true;
  return false;
}

Flow::Flow(const Placement &placement, bool split)
    : forwards(placement.stages()), gradients(placement.stages()) {
  int stages = placement.stages();
  auto add = [&](Kind kind, int stage) { runs.push_back({kind, stage, {}, {}}); };
  for (int stage = 0; stage < stages; ++stage)
    add(Kind::F, stage);
  for (int stage = 0; stage < stages; ++stage)
    if (placement.recomputes(stage))
      add(Kind::R, stage);
  for (int stage = stages; stage-- > 0;)
    add(split ? Kind::I : Kind::B, stage);
  for (int stage = 0; split && stage < stages; ++stage)
    add(Kind::W, stage);

  std::vector<int> makers(tensorSorts * stages, -1);
  auto makerOf = [&](Tensor::Sort sort, int stage) -> int & {
    return makers[size_t(sort) * stages + stage];
  };
  for (int i = 0; i < int(runs.size()); ++i) {
    Run &run = runs[i];
    Effect done = effect(placement, {run.kind, false, run.stage, 0});
    if (handsOn(run.kind))
      (run.kind == Kind::F ? forwards : gradients)[run.stage] = i;
    run.takes = anyStays(done.makes) && !anyStays(done.frees);
    run.gives = anyStays(done.frees) && !anyStays(done.makes);
    for (const Tensor &read : done.reads) {
      int maker = makerOf(asMade(read.sort), read.stage);
      if (maker < 0)
        continue; // Weights are of no micro-batch.
      run.makers.add(maker);
      runs[maker].readers.add(i);
    }
    for (const Tensor &made : done.makes)
      makerOf(made.sort, made.stage) = i;
  }
}
