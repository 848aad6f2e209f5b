//===- Candidate.h - What is chosen from -------------------------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_CHOOSE_CANDIDATE_H
#define BITPIPE_TRANSFORMS_SCHEDULE_CHOOSE_CANDIDATE_H

#include "lib/Transforms/Schedule/Choose/Measure.h"

#include <functional>

namespace bitpipe::schedule {

/// What plans need in bytes, which orders are not made for.
struct Layout {
  /// What stages of the common number hold, and what devices may, if that is limited: the
  /// same for each.
  Costs sizes;
  /// The same without what lies in messages (messageMemory).
  Costs apart;
  /// The bytes of the device that needs most under a request, laid out.
  std::function<ErrorOr<double>(const Request &)> need;

  bool isLimited() const { return !sizes.memory.empty(); }
  double memory() const { return sizes.memory.front(); }
};

/// A size of micro-batches, and how efficiently stages run them beside those that costs are of.
struct MicrobatchSize {
  int samples = 1;
  double efficiency = 1;
};

/// What is left open beside replicas and chunks of 0, and what with.
struct Scope {
  /// Only the families that are meant where none is named, in their own numbers of chunks.
  bool isDefault = false;
  /// The most that is tried to be kept in slices; None: what the request says.
  Shard mostSharded = Shard::None;
  bool choosesBalance = false;
  /// Sizes of micro-batches that divide a step of so many samples; none: micro-batches are as many
  /// as the request says, of whatever size.
  std::vector<MicrobatchSize> sizes;
  int batch = 0;
  /// With more than 0 a model is cut into no more stages.
  int mostStages = 0;
  /// Null where there is nothing to lay out.
  const Layout *layout = nullptr;

  bool limitsMemory(const Request &request) const {
    return layout ? layout->isLimited() : !request.costs.memory.empty();
  }
};

/// A schedule that was tried, in the costs' units.
struct Candidate {
  /// With its family, size of micro-batches, chunks, replicas, recomputation, balance and sharding.
  Request request;
  /// What a step takes: work, idle time with free messages, what messages add to that,
  /// and what sums and updates do.
  double time = 0, work = 0, idle = 0, messages = 0, sums = 0;
  /// What the device holds that holds most, by the schedule: state, buffers, activations.
  double memory = 0;
  /// Where plans are laid out, the same with messages.
  double withMessages = 0;
  /// And by its own layout; 0 if that was not made.
  double laidOut = 0;
  /// In stages of 2D, of the device with most.
  double weights = 0;
  /// What it would need, where a device has not the memory; `time` is then what it takes
  /// at least.
  std::optional<Error> exceeds;
  /// Times the memory of the device that lacks most.
  double excess = 0;
  /// What it would need is what its state alone does, since it was not ordered for that.
  bool isUnordered = false;

  /// `zb-v, 2 chunks, 4 replicas, all recomputed, balanced, sharded optimizer`
  std::string name() const;
  bool recomputes() const { return !request.recompute.empty() && request.recompute != "none"; }
};

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_CHOOSE_CANDIDATE_H
