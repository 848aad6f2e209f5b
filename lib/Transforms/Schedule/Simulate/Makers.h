//===- Makers.h - The action that makes a tensor ------------------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_MAKERS_H
#define BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_MAKERS_H

#include "lib/Transforms/Schedule/Core/Effects.h"

namespace bitpipe::schedule {

/// What the update is named by that makes a version of the weights.
inline int updateOf(const Placement &placement, const Tensor &weights) {
  int group = weights.microbatch - 1;
  std::span<const int> own = inGroup(placement, placement.allTogether()[weights.holder], group);
  return own.empty() ? endOfGroup(placement, group) : own.back();
}

/// What makes a tensor; of two sorts of backward the whole one.
inline Action makerOf(const Placement &placement, const Tensor &tensor) {
  Action maker{Kind::F, false, tensor.stage, tensor.microbatch};
  switch (tensor.sort) {
  case Tensor::Output:
  case Tensor::Input:
    return maker;
  case Tensor::Saved:
    maker.kind = placement.recomputes(tensor.stage) ? Kind::R : Kind::F;
    return maker;
  case Tensor::Gradient:
  case Tensor::Kept:
  case Tensor::Sum:
    maker.kind = Kind::B;
    return maker;
  case Tensor::Guest:
    maker.kind = Kind::E;
    return maker;
  case Tensor::Loaded:
    maker.kind = Kind::G;
    return maker;
  case Tensor::Whole:
    maker.kind = Kind::A;
    return maker;
  case Tensor::Weights:
    maker.kind = Kind::U;
    maker.microbatch = updateOf(placement, tensor);
    maker.versions = placement.updates().versions[tensor.stage];
  }
  return maker;
}

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_MAKERS_H
