//===- Costs.h - What computing and sending takes ----------------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_CORE_COSTS_H
#define BITPIPE_TRANSFORMS_SCHEDULE_CORE_COSTS_H

#include "lib/Transforms/Schedule/Core/Schedule.h"

#include <algorithm>
#include <optional>
#include <string_view>

namespace bitpipe::schedule {

struct StageCost {
  double forward = 1, inputGradient = 1, weightGradient = 1;
  /// Both gradients by one run.
  double backward = 2;
  /// What stays alive from a forward to its weight gradient.
  double activation = 1;
  /// The size of what goes to the next stage, and of the gradient that comes
  /// back. An activation that moves is a message of its size.
  double message = 1;
  /// What every device that holds the stage always keeps, in the unit of
  /// activations: parameters, gradients, optimizer state.
  double state = 0;
  /// The sum of the stage's gradients over the devices that hold it; in two halves
  /// where they update slices. A device does one at a time, beside its runs.
  double sum = 0;
  /// The stage's part in the gradient norm, which those that hold it share, and the
  /// update of its parameters, on every one or in slices, too.
  double norm = 0, optimizer = 0;
  /// What stays alive from an input gradient to the weight gradient; negative: as much
  /// as from the forward.
  double kept = -1;
  /// The time of a recomputation; negative: as long as a forward.
  double recompute = -1;
  /// What a run takes as one of a pair that goes on at the same time (Action::overlapsNext), as a
  /// share of what it takes alone; of all stages or of none. Negative: the two of a pair run one
  /// after the other.
  double pair = -1;
  /// What stays alive from a forward to the recomputation, where there is one.
  double input = 0;
  /// One version of the weights beside the newest, which is in `state`.
  double weights = 0;
  /// What is there of weights that are gathered for a while, and of gradients that are summed;
  /// negative: as much as `weights`.
  double gathered = -1, gradients = -1;
  /// Over how many devices `sum` is; 0: over any number of them.
  int holders = 0;
  /// The part of `state` that those which hold the stage share out with a sharded
  /// optimizer.
  double moments = 0;
  /// The last run that reads what comes from the stage before, F, I or W, and what comes
  /// back from the one behind, I or W: their messages' memory is taken so long.
  Kind inputReader = Kind::F, gradientReader = Kind::I;

  double keptSize() const { return kept < 0 ? activation : kept; }
  double gatheredSize() const { return gathered < 0 ? weights : gathered; }
  double gradientSize() const { return gradients < 0 ? weights : gradients; }
  /// What a gather takes, beside half a sum of as many bytes as the gradients have.
  double gatherShare() const {
    return gradientSize() > 0 ? gatheredSize() / gradientSize() : 1;
  }
  double recomputation() const { return recompute < 0 ? forward : recompute; }
  /// The most that one micro-batch holds of the stage at a time.
  double held() const { return activation > kept ? activation : kept; }
};

/// Parameters that these stages share, ascending: their sum, norm and update.
struct SharedCost {
  std::vector<int> stages;
  double sum = 0, norm = 0, optimizer = 0;
  int holders = 0;
};

/// The way from one device to another. One message at a time is transferred.
struct Link {
  /// Time for each unit of a message's size, the inverse of the bandwidth.
  double transfer = 0;
  /// From when a message is transferred to when it is there.
  double latency = 0;
};

/// How long a message occupies its link, and how much later it is there.
struct MessageTime {
  double transfer = 0, latency = 0;
  double total() const { return transfer + latency; }
};

/// Times in any unit, the same for all; sizes likewise.
struct Costs {
  /// One per stage, or a single one for all.
  std::vector<StageCost> stages = {{}};
  /// Of every pair of devices, unless `links` has one per pair: [from][to].
  Link link;
  std::vector<std::vector<Link>> links;
  /// Where a file has nodes, how many devices each has; else 0. What their links are is in `links`.
  int devicesPerNode = 0;
  /// Of every device to its host and back, for activations that it keeps: one copy at a
  /// time, either way.
  Link host;
  /// Parameters of several stages. Those that are not listed take as long as the
  /// longest of the stages' own.
  std::vector<SharedCost> shared;
  /// What each device can hold, state, activations and buffers together; none:
  /// any amount.
  std::vector<double> memory;
  /// What each device keeps beside state and activations: messages, memory to
  /// compute in; none: nothing.
  std::vector<double> buffers;
  /// From the end of a step to when the data of the step after the next one are
  /// there: two steps are under way at once.
  double feed = 0;
  /// Whether state, and the moments that are part of it, are what is left of them where
  /// devices keep slices (withStateShared).
  bool sharesState = false;
  /// The threads of a device with which times were measured; 0: not told.
  int threads = 0;
  /// The model that times and sizes are of (modelHash); empty: not told.
  std::string model;
  /// Whether that computes its loss with its gradients (Placement::lossInGradient).
  bool lossInGradient = false;
  /// Samples of the micro-batch that times and sizes are of.
  int samples = 1;
  /// What a time or size of 1 is, in words.
  std::string timeUnit = "forwards of a stage";
  std::string sizeUnit = "stages";

  const StageCost &stage(int index) const {
    return stages.size() == 1 ? stages.front() : stages[index];
  }
  double time(const Action &action) const {
    const StageCost &cost = stage(action.stage);
    switch (action.kind) {
    case Kind::F:
      return cost.forward;
    case Kind::B:
      return cost.backward;
    case Kind::I:
      return cost.inputGradient;
    case Kind::W:
      return cost.weightGradient;
    case Kind::R:
      return cost.recomputation();
    case Kind::U: // with the part that it gives to the norm
      return optimizerOf({action.stage}) + normOf({action.stage});
    case Kind::A:
    case Kind::D:
    case Kind::S:
    case Kind::E:
    case Kind::G:
    case Kind::K:
    case Kind::L:
      return 0; // beside the runs
    }
    return 0;
  }

  /// The same where a forward may have nothing to do.
  double time(const Placement &placement, const Action &action) const {
    bool isEmpty = action.kind == Kind::F && placement.hasEmptyForward(action.stage);
    return isEmpty ? 0 : time(action);
  }

  /// Whether the two of a pair go on at the same time: both start when both have what they read,
  /// and hand on what they make when both are done.
  bool overlapsPairs() const { return stages.front().pair >= 0; }
  /// What a pair takes then: its parts in their shares, and no less than the longer one alone.
  double pairTime(const Placement &placement, const Action &first, const Action &second) const {
    double one = time(placement, first), other = time(placement, second);
    double together = stage(first.stage).pair * one + stage(second.stage).pair * other;
    return std::max({one, other, together});
  }
  /// The time of its device that the action at a place of a list takes: that of a pair which goes on
  /// at the same time is its first one's.
  double timeAt(const Placement &placement, const std::vector<Action> &list, size_t i) const {
    if (overlapsPairs() && beginsPair(list, i))
      return pairTime(placement, list[i], list[i + 1]);
    return overlapsPairs() && endsPair(list, i) ? 0 : time(placement, list[i]);
  }

  /// All runs of a stage for one micro-batch but its recomputation.
  double workOf(int index, bool split) const {
    const StageCost &cost = stage(index);
    double parts = cost.inputGradient + cost.weightGradient;
    return cost.forward + (split ? parts : cost.backward);
  }

  /// From a device to itself stands for the way to its host.
  const Link &way(int from, int to) const {
    if (from == to)
      return host;
    return links.empty() ? link : links[from][to];
  }
  /// The size of a message with the result of an action, or with what it moves.
  double messageSize(const Action &made) const {
    if (isMove(made.kind))
      return stage(made.stage).activation;
    return stage(made.kind == Kind::F ? made.stage : made.stage - 1).message;
  }
  /// What that message takes.
  MessageTime message(int from, int to, const Action &made) const {
    const Link &link = way(from, to);
    return {messageSize(made) * link.transfer, link.latency};
  }

  /// What the parameters of exactly these stages take; the sum over so many devices,
  /// each of which adds up its share and gives it to the others: of K devices, each
  /// sends and receives (K-1)/K of the gradients twice.
  double sumOf(const std::vector<int> &sharing, size_t devices) const;
  double normOf(const std::vector<int> &sharing) const;
  double optimizerOf(const std::vector<int> &sharing) const;
  /// Whether any sum, or what follows it in a step, takes time.
  bool hasSums() const;
  bool hasUpdates() const;
  /// Whether any message takes time.
  bool hasMessages() const;
  /// The same with messages that take none.
  Costs withoutMessages() const;

  /// Fails unless there are costs for all stages and devices of a placement.
  std::optional<Error> check(const Placement &placement) const;
};

/// Costs of micro-batches of so many samples. Work and what is kept and sent are in proportion, where
/// stages run them as efficiently; sums, updates and state are of the weights and stay.
Costs withSamples(const Costs &costs, int samples, double efficiency = 1);

/// Costs of another number of stages that are cut from the same model: stages
/// are divided and joined evenly. A single cost is that of one of `from` stages.
/// Which stages share parameters is not known any more.
Costs recut(const Costs &costs, int from, int to);

/// The same in stages that have these shares of the model, in whole numbers.
Costs recut(const Costs &costs, int from, const std::vector<int> &shares);

/// The costs of all stages of a placement where those that hold one keep slices of its state.
Costs withStateShared(const Costs &costs, const Placement &placement, Shard shard);

/// The same for making an order, in which nothing is gathered or scattered yet: with room on
/// each device for what is there of that for a while, two stages' weights and the gradients of all.
Costs costsOfOrders(const Costs &costs, const Placement &placement, Shard shard);

/// The size of an activation of a stage on average: what numbers of activations count.
double meanActivation(const Placement &placement, const Costs &costs);

/// What each device always keeps: the state of the stages that it holds, or its slices
/// of what is sharded, and buffers.
std::vector<double> stateOf(const Placement &placement, const Costs &costs);

/// Numbers between which sums, products and quotients of a few are finite.
constexpr double leastCost = 1e-100, mostCost = 1e100;

/// The times of a backward and of its parts from those that are given, of one
/// source or another: a whole backward takes as long as its parts unless it is
/// given, and alone it is split in halves. Fails where one part is given without
/// the other.
std::optional<Error> setGradients(StageCost &stage, std::optional<double> backward,
                                  std::optional<double> inputGradient,
                                  std::optional<double> weightGradient);

/// Reads `F=1,B=2,I=1,W=1,R=1,pair=0.8,comm=0,sum=0,host=0`, any of them once and in any order;
/// R is as long as F where it is not given; `pair` is the share that runs take in a pair; `comm` is
/// the time of a message, `sum` of a stage's sum of gradients, `host` of a copy of an activation to
/// or from the host. Means what
/// the same numbers mean in a file of costs; what is not given is as above.
ErrorOr<Costs> parseCosts(std::string_view text);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_CORE_COSTS_H
