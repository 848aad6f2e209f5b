//===- LowerBound.cpp - What no order beats --------------------------------===//

#include "lib/Transforms/Schedule/Search/Problem.h"
#include "lib/Transforms/Schedule/Search/Way.h"

#include <algorithm>
#include <limits>

using namespace bitpipe::schedule;

namespace {
constexpr double infinity = std::numeric_limits<double>::infinity();

/// Runs of a device, and the least time that it takes for them.
struct Work {
  /// Of forwards, of gradients, of all else; and of forwards and gradients together, in
  /// their shares where they may be paired.
  double forwards = 0, gradients = 0, others = 0, paired = 0;

  void addForward(double time, double share) {
    forwards += time;
    paired += time * share;
  }
  void addGradient(double time, double share) {
    gradients += time;
    paired += time * share;
  }
  void add(const Work &other) {
    forwards += other.forwards;
    gradients += other.gradients;
    others += other.others;
    paired += other.paired;
  }
  double least() const { return others + std::max({forwards, gradients, paired}); }
};

/// Runs of one kind that a device does for a stage of a route: no one of them
/// starts before `release`, and after each the iteration goes on for `rest`.
struct Runs {
  double release = 0;
  Work work;
  double rest = 0;
};

/// What is on a device.
struct Load {
  /// Of all its runs, and of those of each stage.
  Work work;
  std::vector<Work> stageWork;
  /// Of the updates between its micro-batches, and the longest of them, which may follow all
  /// runs.
  double updates = 0, longestUpdate = 0;
  /// The longest forward for each unit of memory.
  double pace = 0;
  /// When a first forward, and a first input gradient, can start.
  double head = infinity, turn = infinity;
  /// What follows the last run at least, and the last forward.
  double tail = infinity, forwardTail = infinity;
  /// All activations of its forwards, and the longest gradients for each unit of them.
  double activations = 0, gradients = 0;
  std::vector<Runs> runs;

  /// When the device is done with its runs at the earliest.
  double end(double limit) const {
    return std::max(head, turn - pace * limit) + work.least();
  }
  /// And when with what follows, updates too.
  double followed(double limit) const {
    return end(limit) + updates + std::max(0.0, tail - longestUpdate);
  }
  double drained(double limit) const;
  double window() const;
};

/// What is on a link.
struct Traffic {
  double transfer = 0;
  /// What comes before the first and after the last transfer at least.
  double before = infinity, after = infinity;

  void add(MessageTime message, size_t count, double made, double left) {
    transfer += message.transfer * count;
    before = std::min(before, made);
    after = std::min(after, message.latency + left);
  }
};
} // namespace

/// When the iteration ends at the earliest, by the last forward of the device: after that
/// its micro-batch must still go its way and back, while the device has no more to do
/// than the gradients of what it can hold. Only if it cannot hold all, so that a gradient
/// has come before.
double Load::drained(double limit) const {
  if (activations <= limit * (1 + 1e-9))
    return 0;
  return end(limit) - gradients * limit + forwardTail;
}

/// Any set of runs takes from its first release on as long as all of them, and
/// then what follows at least. The sets that matter are those of all runs that
/// are released late enough and have enough after them.
double Load::window() const {
  std::vector<Runs> sorted = runs;
  std::sort(sorted.begin(), sorted.end(), [](const Runs &a, const Runs &b) {
    return a.rest > b.rest;
  });
  double bound = 0;
  for (const Runs &first : sorted) {
    Work work;
    for (const Runs &other : sorted) {
      if (other.release < first.release)
        continue;
      work.add(other.work);
      bound = std::max(bound, first.release + work.least() + other.rest);
    }
  }
  return bound;
}

/// What a device updates of a stage while the iteration goes on.
static void addUpdates(const Problem &problem, int stage, Load &load) {
  int every = problem.placement.updates().every;
  if (!every)
    return;
  double time = problem.costs.time({Kind::U, false, stage, 0});
  load.updates += time * (problem.placement.microbatches() / every);
  load.longestUpdate = std::max(load.longestUpdate, time);
}

/// All runs of a stage for so many micro-batches but recomputations and updates.
static std::vector<Runs> runsOf(const Problem &problem, int stage, size_t count, const Way &way) {
  const StageCost &cost = problem.costs.stage(stage);
  double share = problem.pairs ? std::min(1.0, cost.pair) : 1;
  double arrival = way.arrival[stage], turn = way.turn[stage], rest = way.rest[stage];
  Work forwards, gradients, weights;
  forwards.addForward(cost.forward * count, share);
  std::vector<Runs> runs{{arrival, forwards, way.total - arrival - cost.forward}};
  if (!problem.split) {
    gradients.addGradient(cost.backward * count, share);
    runs.push_back({turn, gradients, rest});
    return runs;
  }
  gradients.addGradient(cost.inputGradient * count, share);
  // A whole backward, of which it may be a part, is paired with both.
  weights.addGradient(cost.weightGradient * count, share);
  runs.push_back({turn, gradients, rest + problem.costs.stage(0).weightGradient});
  runs.push_back({turn + cost.inputGradient, weights, 0});
  return runs;
}

static void addLoads(const Problem &problem, const Route &route, const Way &way,
                     std::vector<Load> &loads) {
  for (int stage = 0; stage < problem.placement.stages(); ++stage) {
    Load &load = loads[route.devices[stage]];
    const StageCost &cost = problem.costs.stage(stage);
    size_t count = route.microbatches.size();
    std::vector<Runs> runs = runsOf(problem, stage, count, way);
    for (const Runs &own : runs) {
      load.work.add(own.work);
      load.stageWork[stage].add(own.work);
    }
    load.runs.insert(load.runs.end(), runs.begin(), runs.end());
    double again = problem.placement.recomputes(stage) ? cost.recomputation() : 0;
    load.work.others += again * count;
    load.stageWork[stage].others += again * count;
    addUpdates(problem, stage, load);
    load.head = std::min(load.head, way.arrival[stage]);
    load.turn = std::min(load.turn, way.turn[stage]);
    load.pace = std::max(load.pace, cost.forward / cost.activation);
    load.tail = std::min(load.tail, problem.split ? 0 : way.rest[stage]);
    load.forwardTail =
        std::min(load.forwardTail, way.total - way.arrival[stage] - cost.forward);
    load.activations += cost.activation * count;
    double gradients = problem.costs.workOf(stage, problem.split) - cost.forward + again;
    load.gradients = std::max(load.gradients, gradients / cost.activation);
    if (problem.split && cost.kept >= 0)
      load.gradients = std::max(load.gradients, cost.weightGradient / cost.kept);
  }
}

static std::vector<Load> loadsOf(const Problem &problem) {
  const Placement &placement = problem.placement;
  std::vector<Load> loads(placement.devices());
  for (Load &load : loads)
    load.stageWork.resize(placement.stages());
  for (const Route &route : placement.routes())
    if (!route.microbatches.empty())
      addLoads(problem, route, follow(problem, route), loads);
  return loads;
}

static void addTraffic(const Problem &problem, const Route &route,
                       const Way &way,
                       std::vector<std::vector<Traffic>> &links) {
  size_t count = route.microbatches.size();
  Kind backward = problem.split ? Kind::I : Kind::B;
  for (int stage = 0; stage + 1 < problem.placement.stages(); ++stage) {
    int down = route.devices[stage], up = route.devices[stage + 1];
    if (down == up)
      continue;
    Action forward{Kind::F, false, stage, 0};
    Action gradient{backward, false, stage + 1, 0};
    links[down][up].add(problem.costs.message(down, up, forward), count,
                        way.arrival[stage] + problem.costs.time(forward),
                        way.total - way.arrival[stage + 1]);
    links[up][down].add(problem.costs.message(up, down, gradient), count,
                        way.turn[stage + 1] + problem.costs.time(gradient),
                        way.total - way.turn[stage]);
  }
}

/// What single micro-batches and the messages of a link take.
static double messageBound(const Problem &problem) {
  size_t devices = problem.placement.devices();
  std::vector<std::vector<Traffic>> links(devices,
                                          std::vector<Traffic>(devices));
  double bound = 0;
  for (const Route &route : problem.placement.routes()) {
    if (route.microbatches.empty())
      continue;
    Way way = follow(problem, route);
    bound = std::max(bound, way.total);
    addTraffic(problem, route, way, links);
  }
  for (const auto &from : links)
    for (const Traffic &link : from)
      if (link.transfer > 0)
        bound = std::max(bound, link.before + link.transfer + link.after);
  return bound;
}

double bitpipe::schedule::lowerBound(const Problem &problem) {
  double bound = messageBound(problem);
  std::vector<Load> loads = loadsOf(problem);
  for (size_t device = 0; device < loads.size(); ++device)
    if (loads[device].work.least() > 0)
      bound = std::max({bound, loads[device].window(),
                        loads[device].drained(problem.limit(int(device))),
                        loads[device].followed(problem.limit(int(device)))});
  return bound;
}

double bitpipe::schedule::iterationBound(const Problem &problem) {
  double bound = lowerBound(problem);
  std::vector<Load> loads = loadsOf(problem);
  std::vector<size_t> holders;
  for (int stage = 0; stage < problem.placement.stages(); ++stage)
    holders.push_back(problem.placement.holders(stage).size());
  for (size_t device = 0; device < loads.size(); ++device) {
    const Load &load = loads[device];
    // Of the stages that run here: the least that comes after the last run,
    // before the first sum, and of all sums.
    double last = infinity, first = infinity, sums = 0;
    for (int stage = 0; stage < problem.placement.stages(); ++stage) {
      double work = load.stageWork[stage].least();
      if (work == 0)
        continue;
      bool isShared = holders[stage] > 1;
      double sum = isShared ? problem.costs.sumOf({stage}, holders[stage]) : 0;
      last = std::min(last, sum);
      sums += sum;
      if (isShared)
        first = std::min(first, work);
    }
    if (load.work.least() > 0)
      bound = std::max(bound, load.end(problem.limit(int(device))) + last);
    if (sums > 0)
      bound = std::max(bound, load.head + first + sums);
  }
  return bound;
}
