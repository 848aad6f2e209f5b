//===- RecomputeSets.cpp - Which stages recompute --------------------------===//
//
// A set of stages says how long the iteration takes and what each device holds, both by
// simulation. No stage recomputes where that fits, though some might for nothing. Where all
// sets together have no more than some million actions, as those of 8 stages and 2048
// micro-batches, all are tried. Else a set is grown and shrunk:
//
// As long as some device holds too much, one more stage recomputes: of those on the device
// that lacks most, the one that lengthens the iteration by least for each unit of memory
// that the devices lack less. What a stage gives back does not depend much on the others,
// since each of its micro-batches in flight then holds its input alone, so that the
// quotient tells what is cheap, as in packing a knapsack. Where time ties, as it does as
// long as idle time is filled, the one that gives most is taken, and few are needed. Then
// stages of the set are left out again, the one first that saves most time, as long as all
// devices fit: so nothing in the set is needless, which growing alone would not show. With
// S stages this takes S^2 simulations at most, each linear.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Simulate/Recompute.h"
#include "lib/Transforms/Schedule/Simulate/Simulate.h"

#include <algorithm>
#include <tuple>

using namespace bitpipe::schedule;

namespace {
/// Stages, and actions of all sets together, up to which all are tried.
constexpr int mostStagesTried = 16;
constexpr int64_t mostActionsTried = 1 << 22;

/// What comes of a set.
struct Outcome {
  StageSet stages;
  double time = 0;
  /// Of the device that holds most, with its state.
  double most = 0;
  /// How much more than they may all devices hold together, and which lacks most.
  double lack = 0;
  int device = 0;

  bool fits() const { return lack <= 0; }
  bool operator<(const Outcome &other) const {
    return std::tie(time, most) < std::tie(other.time, other.most);
  }
};

class Chooser {
public:
  Chooser(const Schedule &schedule, const Costs &costs, const KnownMemory &known)
      : schedule(schedule), costs(costs), known(known),
        count(schedule.placement.stages()) {}

  std::optional<StageSet> run() {
    if (outcomeOf(StageSet(count)).fits())
      return StageSet(count);
    int64_t runs = int64_t(count) * schedule.placement.microbatches();
    bool isSmall = count <= mostStagesTried && (runs << count) <= mostActionsTried;
    std::optional<Outcome> best = isSmall ? tryAll() : growAndShrink();
    return best ? std::optional(best->stages) : std::nullopt;
  }

private:
  Outcome outcomeOf(const StageSet &stages) const;
  std::optional<Outcome> tryAll() const;
  std::optional<Outcome> growAndShrink() const;
  std::optional<Outcome> grow() const;
  Outcome shrink(Outcome from) const;
  bool isOn(int stage, int device) const {
    std::vector<int> holders = schedule.placement.holders(stage);
    return std::find(holders.begin(), holders.end(), device) != holders.end();
  }

  const Schedule &schedule;
  const Costs &costs;
  const KnownMemory &known;
  int count;
};
} // namespace

Outcome Chooser::outcomeOf(const StageSet &stages) const {
  Schedule with = schedule;
  recompute(with, stages);
  ErrorOr<Timing> timing = simulate(with.placement, with.order, costs);
  Outcome outcome{stages, timing->makespan};
  std::vector<DeviceUse> use = deviceUse(with.placement, with.order, *timing, costs);
  double largest = 0;
  for (size_t device = 0; device < use.size(); ++device) {
    double held = known ? known(int(device), stages)
                        : use[device].state + use[device].peakActivation;
    outcome.most = std::max(outcome.most, held);
    double lack = held - costs.memory[device] * (1 + 1e-9);
    if (lack <= 0)
      continue;
    outcome.lack += lack;
    if (lack > largest)
      outcome.device = int(device);
    largest = std::max(largest, lack);
  }
  return outcome;
}

std::optional<Outcome> Chooser::tryAll() const {
  std::optional<Outcome> best;
  for (unsigned bits = 0; bits < 1u << count; ++bits) {
    StageSet stages(count);
    for (int stage = 0; stage < count; ++stage)
      stages[stage] = bits >> stage & 1;
    Outcome outcome = outcomeOf(stages);
    if (outcome.fits() && (!best || outcome < *best))
      best = outcome;
  }
  return best;
}

std::optional<Outcome> Chooser::grow() const {
  Outcome now = outcomeOf(StageSet(count));
  while (!now.fits()) {
    std::optional<Outcome> next;
    auto rank = [&](const Outcome &outcome) {
      double given = now.lack - outcome.lack, longer = outcome.time - now.time;
      return std::pair(given > 0 ? std::max(longer, 0.0) / given : mostCost, -given);
    };
    for (int stage = 0; stage < count; ++stage) {
      if (now.stages[stage] || !isOn(stage, now.device))
        continue;
      StageSet stages = now.stages;
      stages[stage] = true;
      Outcome outcome = outcomeOf(stages);
      if (!next || rank(outcome) < rank(*next))
        next = outcome;
    }
    if (!next)
      return {}; // all of the device's stages recompute
    now = *next;
  }
  return now;
}

Outcome Chooser::shrink(Outcome from) const {
  while (true) {
    std::optional<Outcome> next;
    for (int stage = 0; stage < count; ++stage) {
      if (!from.stages[stage])
        continue;
      StageSet stages = from.stages;
      stages[stage] = false;
      Outcome outcome = outcomeOf(stages);
      if (outcome.fits() && outcome.time <= from.time && (!next || outcome < *next))
        next = outcome;
    }
    if (!next)
      return from;
    from = *next;
  }
}

std::optional<Outcome> Chooser::growAndShrink() const {
  std::optional<Outcome> grown = grow();
  return grown ? std::optional(shrink(*grown)) : std::nullopt;
}

std::optional<StageSet> bitpipe::schedule::chooseRecomputed(const Schedule &schedule,
                                                            const Costs &costs,
                                                            const KnownMemory &known) {
  return Chooser(schedule, costs, known).run();
}
