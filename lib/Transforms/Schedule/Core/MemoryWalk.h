//===- MemoryWalk.h - What is alive while a device acts -----------*- C++ -*-===//
//
// Follows from the table in Effects.h and the sizes in the costs.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_CORE_MEMORYWALK_H
#define BITPIPE_TRANSFORMS_SCHEDULE_CORE_MEMORYWALK_H

#include "lib/Transforms/Schedule/Core/Effects.h"

#include <utility>

namespace bitpipe::schedule {

/// The memory of a tensor that stays, in the costs' unit.
inline double sizeOf(const Costs &costs, const Tensor &tensor) {
  const StageCost &stage = costs.stage(tensor.stage);
  switch (tensor.sort) {
  case Tensor::Saved:
  case Tensor::Guest:
  case Tensor::Loaded:
    return stage.activation;
  case Tensor::Kept:
    return stage.keptSize();
  case Tensor::Input:
    return stage.input;
  case Tensor::Whole:
    return stage.gatheredSize();
  case Tensor::Weights:
    return stage.weights;
  case Tensor::Output:
  case Tensor::Gradient:
  case Tensor::Sum: // see MemoryWalk
    return 0; // Part of what is saved, a message's buffer, or of the state.
  }
  return 0;
}

/// Whose memory: a device's, or that of its host for what the device has evicted to it.
enum class Holder { Device, Host };

/// What is alive on a device grows by `taken` when an action begins and shrinks by
/// `freed` when it is done. What an action makes of what it frees takes its place.
struct MemoryChange {
  double taken = 0, freed = 0;
};
inline MemoryChange memoryChange(const Placement &placement, const Costs &costs,
                                 const Action &action, Holder holder = Holder::Device) {
  bool ofGuest = action.kind == Kind::K || action.kind == Kind::G;
  bool onHost = ofGuest && placement.isOnHost(action.stage, action.microbatch);
  if (onHost != (holder == Holder::Host))
    return {};
  Effect tensors = effect(placement, action);
  double change = 0;
  for (const Tensor &made : tensors.makes)
    if (!sendsMove(action.kind)) // that is made on the other device
      change += sizeOf(costs, made);
  for (const Tensor &freed : tensors.frees)
    change -= sizeOf(costs, freed);
  return change > 0 ? MemoryChange{change, 0} : MemoryChange{0, -change};
}

/// The changes of one device's actions, one after the other: what is sent away is freed by
/// the next run, and where gradients are scattered there is room for a stage's from the first
/// weight gradient to the scatter behind their own, beside which they travel.
class MemoryWalk {
public:
  MemoryWalk(const Placement &placement, const Costs &costs, Holder holder = Holder::Device)
      : placement(placement), costs(costs), holder(holder) {}

  MemoryChange next(const Action &action) {
    MemoryChange change = memoryChange(placement, costs, action, holder);
    if (placement.scatters() && holder == Holder::Device)
      addGradients(action, change);
    if (sendsMove(action.kind)) {
      leaving += change.freed;
      return {};
    }
    if (isRun(action.kind)) {
      change.freed += leaving;
      leaving = 0;
    }
    // While two go on at the same time nothing is freed of the first.
    if (action.overlapsNext && costs.overlapsPairs())
      leaving = std::exchange(change.freed, 0);
    return change;
  }
  /// For another device.
  void restart() {
    leaving = travelling = 0;
    summing.clear();
  }

private:
  void addGradients(const Action &action, MemoryChange &change) {
    summing.resize(placement.stages());
    double size = costs.stage(action.stage).gradientSize();
    if (makesWeightGradient(action.kind) && !summing[action.stage]) {
      summing[action.stage] = true;
      change.taken += size;
    }
    if (action.kind == Kind::S)
      change.freed += std::exchange(travelling, size);
  }

  const Placement &placement;
  const Costs &costs;
  Holder holder;
  // What moves or is freed with the next run, and gradients that are scattered.
  double leaving = 0, travelling = 0;
  std::vector<bool> summing; // by stage, where there is room for its gradients
};

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_CORE_MEMORYWALK_H
