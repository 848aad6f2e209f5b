//===- Choose.h - The fastest schedule that fits -----------------*- C++ -*-===//
//
// Every family that there is for the devices and micro-batches, in every number of
// chunks that is tried, beside every number of replicas: each is ordered and simulated
// for the costs at hand, as --compare does. What is proven to be slower than those that
// will be shown is not ordered at all.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_CHOOSE_CHOOSE_H
#define BITPIPE_TRANSFORMS_SCHEDULE_CHOOSE_CHOOSE_H

#include "lib/Transforms/Schedule/Choose/Measure.h"

namespace bitpipe::schedule {

/// The name under which a family is chosen, which is none itself.
constexpr const char *chosenName = "auto";

/// A schedule that was tried, in the costs' units.
struct Candidate {
  /// With its family, chunks, replicas and recomputation.
  Request request;
  /// What a step takes: work, idle time with free messages, what messages add to that,
  /// and what sums and updates do.
  double time = 0, work = 0, idle = 0, messages = 0, sums = 0;
  /// What the device holds that holds most, by the schedule: state, buffers, activations.
  double memory = 0;
  /// In stages of 2D, of the device with most.
  double weights = 0;
  /// What it would need, where a device has not the memory; `time` is then what it takes
  /// at least.
  std::optional<Error> exceeds;
  /// Times the memory of the device that lacks most.
  double excess = 0;

  /// `zb-v, 2 chunks, 4 replicas, all recomputed`
  std::string name() const;
  bool recomputes() const { return request.recompute == "all"; }
};

struct Choice {
  /// The fastest ones that fit, the chosen one first; of equally fast ones that with less
  /// memory, weights and messages.
  std::vector<Candidate> fitting;
  /// Those without the memory, what lacks least first.
  std::vector<Candidate> exceeding;
  /// How many there are, and how many of these are proven to be slower than all of
  /// `fitting`.
  size_t count = 0, slower = 0;
};

/// How many are shown.
constexpr size_t mostShown = 10;

/// The request's family is whatever it says; `replicas` and `chunks` are 0 for any. With
/// `mostStages` above 0 a model is cut into no more. Fails if nothing is possible, and, with
/// the smallest need, if nothing fits.
ErrorOr<Choice> choose(const Request &base, int mostStages = 0);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_CHOOSE_CHOOSE_H
