//===- Effects.h - What each action reads, makes and frees -------*- C++ -*-===//
//
// The one table that says so. Readiness, messages, memory, checks, simulation and search
// follow from it; a new kind of action is a row here.
//
//   action             reads                               makes             frees
//   F forward          Output of the stage before          Output, Saved
//   F, R follows       Output of the stage before          Output, Input
//   F, empty                                               Input
//   R recomputation    Input                               Saved             Input
//   R, F is empty      Input, Output of the stage before   Saved             Input
//   B whole backward   Saved, Gradient of the next stage   Gradient          Saved
//   I input gradient   Saved, Gradient of the next stage   Gradient, Kept    Saved
//   W weight gradient  Kept                                                  Kept
//   E evict            Saved                               Guest, with K     Saved
//   K keep                                                 Guest, with E
//   G give back        Guest                               Loaded, with L    Guest
//   L load                                                 Loaded, with G
//
// A forward is empty that has nothing left to do: of a last stage that recomputes, where the loss is
// computed with the input gradient (Placement::hasEmptyForward). It takes no time and waits for
// nothing.
//
// What is evicted moves to another device, which gives it back later; B and I then read
// and free Loaded in the place of Saved. Moves take no time of their device. E and G start
// to send, K and L make room and start to receive. What two of them make is there when
// both were reached and the message has come. It goes on beside the next run of the sender,
// which has it sent by the end of that: then its memory is free, and not before.
// A device whose own K keeps what it evicts has its host for a partner: Guest is in the
// host's memory, the message a copy on the link to it, and the host's K and G stand in the
// device's own list, since a host has none.
//
// Where gradients or parameters are in slices (Shard in Schedule.h):
//
//   A gather           (the slices, of all that hold it)   Whole
//   D drop             Whole                                                 Whole
//   S scatter          Sums of its device                                    Sums
//
// All runs of a stage whose parameters are gathered also read Whole, its weights in one
// piece, and W and B make a Sum: the weight gradient, which is added to those of the other
// micro-batches in a memory that the first of them takes and the device's S behind frees. A and S take no time
// of their device. They begin when all that hold the stage have come to them, one after the other, and
// go on beside the runs.
//
// With updates between micro-batches (Updates in Schedule.h) all runs also read a
// version of the weights, which the last of its readers frees, and W and B make the
// weight gradient that is summed until the update:
//
//   U update           Sums of its group, the newest       Weights           Sums
//                      Weights
//
// Where no later run reads what U has read, it frees that, too. Each of several devices that
// hold a stage has versions and updates of its own, with the Sums of what it runs itself; what
// others have made is added by a sum over all of them (Instruction::Reduce) just before U,
// which waits for it. So it is for devices whose stages share parameters.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_CORE_EFFECTS_H
#define BITPIPE_TRANSFORMS_SCHEDULE_CORE_EFFECTS_H

#include "lib/Transforms/Schedule/Core/Costs.h"
#include "lib/Transforms/Schedule/Core/Versions.h"

#include <optional>

namespace bitpipe::schedule {

/// What a stage makes of a micro-batch: the output of its forward and the gradient of
/// its input, which other stages read on whatever device they are; and what stays on the
/// device, saved by the forward or the recomputation for the gradients, kept by the input
/// gradient for the weight gradient, and what the forward has read, for the
/// recomputation. Guest and Loaded are what the forward has saved, on the device that keeps
/// it and back again. Between updates, or until it is scattered, the weight gradient. Whole
/// are weights that were gathered, by the first micro-batch that reads them; and the weights, of
/// which the version stands for the micro-batch, beside who holds them (Placement::heldAs).
struct Tensor {
  enum Sort : uint8_t {
    Output, Gradient, Saved, Kept, Input, Guest, Loaded, Sum, Whole, Weights
  };

  Sort sort = Output;
  int stage = 0;
  int microbatch = 0;
  int holder = 0; // of weights

  bool operator==(const Tensor &) const = default;
};
constexpr size_t tensorSorts = 10;

/// At most three tensors, and before these some of several micro-batches.
class Tensors {
public:
  void add(Tensor::Sort sort, int stage, int microbatch, int holder = 0) {
    tensors[count++] = {sort, stage, microbatch, holder};
  }
  /// Of these micro-batches, which are not copied.
  void addRow(Tensor::Sort sort, int stage, std::span<const int> microbatches) {
    row = {sort, stage, 0};
    listed = microbatches;
  }

  class Iterator {
  public:
    Iterator(const Tensors &all, int at) : all(all), at(at) {}
    Tensor operator*() const {
      if (size_t(at) >= all.listed.size())
        return all.tensors[at - all.listed.size()];
      return {all.row.sort, all.row.stage, all.listed[at]};
    }
    Iterator &operator++() {
      ++at;
      return *this;
    }
    bool operator!=(const Iterator &other) const { return at != other.at; }

  private:
    const Tensors &all;
    int at;
  };
  Iterator begin() const { return {*this, 0}; }
  Iterator end() const { return {*this, int(listed.size()) + count}; }

private:
  Tensor tensors[3], row;
  int count = 0;
  std::span<const int> listed; // of the row
};

struct Effect {
  Tensors reads, makes, frees;
};

/// What slices of gradients or parameters add to the runs.
inline void addShards(const Placement &placement, const Action &action, Effect &effect) {
  int stage = action.stage, m = action.microbatch;
  if (placement.gathers())
    effect.reads.add(Tensor::Whole, stage, placement.firstOf(stage, m));
  if (placement.scatters() && makesWeightGradient(action.kind))
    effect.makes.add(Tensor::Sum, stage, m);
}

inline Effect effectOfShards(const Placement &placement, const Action &action) {
  Effect effect;
  if (!placement.scatters())
    return effect; // Refused by the checks.
  int stage = action.stage;
  const std::vector<int> &row = placement.together(stage, action.microbatch);
  int first = row.front();
  switch (action.kind) {
  case Kind::A:
    effect.makes.add(Tensor::Whole, stage, first);
    return effect;
  case Kind::D:
    effect.reads.add(Tensor::Whole, stage, first);
    effect.frees.add(Tensor::Whole, stage, first);
    return effect;
  default:
    effect.reads.addRow(Tensor::Sum, stage, row);
    effect.frees.addRow(Tensor::Sum, stage, row);
    return effect;
  }
}

/// What updates between micro-batches add to the runs.
inline void addVersions(const Placement &placement, const Action &action, Effect &effect) {
  int stage = action.stage, m = action.microbatch;
  int version = versionRead(placement, stage, m), holder = placement.heldAs(stage, m);
  effect.reads.add(Tensor::Weights, stage, version, holder);
  if (!makesWeightGradient(action.kind))
    return;
  effect.makes.add(Tensor::Sum, stage, m);
  int last = lastReadingGroup(placement, stage, version);
  if (last > version && groupOf(placement, m) == last && endsOwnGroup(placement, stage, m))
    effect.frees.add(Tensor::Weights, stage, version, holder);
}

inline Effect effectOfUpdate(const Placement &placement, const Action &action) {
  Effect effect;
  if (!placement.updates())
    return effect; // Refused by the checks.
  int stage = action.stage, m = action.microbatch, version = groupOf(placement, m);
  int holder = placement.heldAs(stage, m);
  std::span<const int> own = ownOfGroup(placement, stage, m);
  effect.reads.addRow(Tensor::Sum, stage, own);
  effect.reads.add(Tensor::Weights, stage, version, holder);
  effect.makes.add(Tensor::Weights, stage, version + 1, holder);
  effect.frees.addRow(Tensor::Sum, stage, own);
  if (lastReadingGroup(placement, stage, version) <= version)
    effect.frees.add(Tensor::Weights, stage, version, holder);
  return effect;
}

inline Effect effect(const Placement &placement, const Action &action) {
  int stage = action.stage, m = action.microbatch;
  Tensor::Sort saved = placement.keeper(stage, m) < 0 ? Tensor::Saved : Tensor::Loaded;
  Effect effect;
  if (action.kind == Kind::U)
    return effectOfUpdate(placement, action);
  if (isOfShards(action.kind))
    return effectOfShards(placement, action);
  bool isEmpty = placement.hasEmptyForward(stage);
  if (placement.shard() != Shard::None && isRun(action.kind) && !(isEmpty && action.kind == Kind::F))
    addShards(placement, action, effect);
  if (placement.updates() && !isMove(action.kind))
    addVersions(placement, action, effect);
  switch (action.kind) {
  case Kind::F:
    if (stage > 0 && !isEmpty)
      effect.reads.add(Tensor::Output, stage - 1, m);
    effect.makes.add(Tensor::Output, stage, m);
    effect.makes.add(placement.recomputes(stage) ? Tensor::Input : Tensor::Saved, stage,
                     m);
    return effect;
  case Kind::B:
  case Kind::I:
    effect.reads.add(saved, stage, m);
    if (stage + 1 < placement.stages())
      effect.reads.add(Tensor::Gradient, stage + 1, m);
    effect.makes.add(Tensor::Gradient, stage, m);
    if (action.kind == Kind::I)
      effect.makes.add(Tensor::Kept, stage, m);
    effect.frees.add(saved, stage, m);
    return effect;
  case Kind::W:
    effect.reads.add(Tensor::Kept, stage, m);
    effect.frees.add(Tensor::Kept, stage, m);
    return effect;
  case Kind::R:
    effect.reads.add(Tensor::Input, stage, m);
    if (stage > 0 && isEmpty)
      effect.reads.add(Tensor::Output, stage - 1, m);
    effect.makes.add(Tensor::Saved, stage, m);
    effect.frees.add(Tensor::Input, stage, m);
    return effect;
  case Kind::U:
  case Kind::A:
  case Kind::D:
  case Kind::S:
    break;
  case Kind::E:
    effect.reads.add(Tensor::Saved, stage, m);
    effect.makes.add(Tensor::Guest, stage, m);
    effect.frees.add(Tensor::Saved, stage, m);
    return effect;
  case Kind::K:
    effect.makes.add(Tensor::Guest, stage, m);
    return effect;
  case Kind::G:
    effect.reads.add(Tensor::Guest, stage, m);
    effect.makes.add(Tensor::Loaded, stage, m);
    effect.frees.add(Tensor::Guest, stage, m);
    return effect;
  case Kind::L:
    effect.makes.add(Tensor::Loaded, stage, m);
    return effect;
  }
  return effect;
}

/// Whether a tensor is what a forward has saved, on its way or arrived: two actions make it.
inline bool isMoved(Tensor::Sort sort) {
  return sort == Tensor::Guest || sort == Tensor::Loaded;
}

/// Whether other stages read tensors of a sort.
inline bool travels(Tensor::Sort sort) {
  return sort == Tensor::Output || sort == Tensor::Gradient;
}

/// The stage that reads a tensor which travels, or -1.
inline int readerStage(const Placement &placement, const Tensor &tensor) {
  int reader = tensor.sort == Tensor::Output ? tensor.stage + 1 : tensor.stage - 1;
  return reader < placement.stages() ? reader : -1;
}

/// The tensor of an action's that other stages read, if any does, or that it moves away.
inline std::optional<Tensor> sent(const Placement &placement, const Action &action) {
  if (sendsMove(action.kind))
    return *effect(placement, action).makes.begin();
  for (const Tensor &tensor : effect(placement, action).makes)
    if (travels(tensor.sort) && readerStage(placement, tensor) >= 0)
      return tensor;
  return {};
}

/// The tensor of another stage that an action reads, if it does.
inline std::optional<Tensor> received(const Placement &placement, const Action &action) {
  for (const Tensor &tensor : effect(placement, action).reads)
    if (travels(tensor.sort))
      return tensor;
  return {};
}

/// The devices between which a tensor goes.
struct Ways {
  int from, to;
};

/// Nothing for a tensor that no other device reads.
inline std::optional<Ways> wayOf(const Placement &placement, const Tensor &tensor) {
  int home = placement.device(tensor.stage, tensor.microbatch);
  if (isMoved(tensor.sort)) {
    int keeper = placement.keeper(tensor.stage, tensor.microbatch);
    if (keeper < 0)
      return {};
    return tensor.sort == Tensor::Guest ? Ways{home, keeper} : Ways{keeper, home};
  }
  int reader = travels(tensor.sort) ? readerStage(placement, tensor) : -1;
  int to = reader < 0 ? home : placement.device(reader, tensor.microbatch);
  return to == home ? std::nullopt : std::optional(Ways{home, to});
}

/// The device that gets a message when the action is done, or -1.
inline int receiver(const Placement &placement, const Action &action) {
  std::optional<Tensor> tensor = sent(placement, action);
  std::optional<Ways> way = tensor ? wayOf(placement, *tensor) : std::nullopt;
  return way ? way->to : -1;
}

/// How many versions each that holds a stage has in all: one more than there are groups, of
/// which the last one may be wrongly a part.
inline size_t versionCount(const Placement &placement) {
  int every = placement.updates().every;
  return every ? size_t(placement.microbatches() - 1) / every + 2 : 0;
}

/// A dense number for every tensor, those that travel first, and last the weights.
inline size_t tensorKey(const Placement &placement, const Tensor &tensor) {
  size_t key = (size_t(tensor.sort) * placement.stages() +
                (tensor.sort == Tensor::Weights ? 0 : tensor.stage)) *
               placement.microbatches();
  return key + (tensor.sort == Tensor::Weights ? tensor.holder * versionCount(placement) : 0) +
         tensor.microbatch;
}
inline size_t tensorCount(const Placement &placement) {
  return (tensorSorts - 1) * placement.stages() * placement.microbatches() +
         placement.allTogether().size() * versionCount(placement);
}

/// Calls `visit` with what is there before anything runs, and the device that has it: the
/// first version of the weights, on all that hold them; perhaps several times.
template <typename Visit> void forEachGiven(const Placement &placement, Visit visit) {
  for (const Route &route : placement.routes())
    for (int stage = 0; placement.updates() && stage < placement.stages(); ++stage)
      if (!route.microbatches.empty())
        visit(route.devices[stage],
              Tensor{Tensor::Weights, stage, 0,
                     placement.heldAs(stage, route.microbatches.front())});
}

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_CORE_EFFECTS_H
