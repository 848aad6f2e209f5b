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

/// What a run takes for so many micro-batches.
static Work workOf(const Problem &problem, const Flow::Run &run, size_t count) {
  double share = problem.pairs ? std::min(1.0, problem.costs.stage(run.stage).pair) : 1;
  double time = problem.costs.time(problem.placement, {run.kind, false, run.stage, 0}) * count;
  Work work;
  if (run.kind == Kind::F)
    work.addForward(time, share);
  else if (run.kind == Kind::R)
    work.others = time;
  else // With the weight gradient, since a whole backward of which it may be a part is paired.
    work.addGradient(time, share);
  return work;
}

/// The most that a stage runs behind a forward for each unit of memory that it holds.
static double gradientPace(const Problem &problem, int stage) {
  const StageCost &cost = problem.costs.stage(stage);
  double again = problem.placement.recomputes(stage) ? cost.recomputation() : 0;
  double all = problem.costs.workOf(stage, problem.split) - cost.forward + again;
  double pace = all / cost.activation;
  return problem.split && cost.kept >= 0 ? std::max(pace, cost.weightGradient / cost.kept) : pace;
}

static void addRun(const Problem &problem, const Flow::Run &run, size_t count, Runs runs,
                   Load &load) {
  const StageCost &cost = problem.costs.stage(run.stage);
  load.work.add(runs.work);
  load.stageWork[run.stage].add(runs.work);
  load.runs.push_back(runs);
  load.tail = std::min(load.tail, runs.rest);
  if (makesInputGradient(run.kind))
    load.turn = std::min(load.turn, runs.release);
  bool isEmpty = problem.placement.hasEmptyForward(run.stage);
  if (run.kind == (isEmpty ? Kind::R : Kind::F))
    load.head = std::min(load.head, runs.release);
  if (run.kind != Kind::F)
    return;
  load.forwardTail = std::min(load.forwardTail, runs.rest);
  load.pace = std::max(load.pace, isEmpty ? 0 : cost.forward / cost.activation);
  load.activations += cost.activation * count;
  load.gradients = std::max(load.gradients, gradientPace(problem, run.stage));
}

static std::vector<Load> loadsOf(const Problem &problem) {
  const Placement &placement = problem.placement;
  Flow flow(placement, problem.split);
  std::vector<Load> loads(placement.devices());
  for (Load &load : loads)
    load.stageWork.resize(placement.stages());
  for (const Route &route : placement.routes()) {
    size_t count = route.microbatches.size();
    if (count == 0)
      continue;
    Way way = follow(problem, flow, route);
    for (size_t i = 0; i < flow.runs.size(); ++i) {
      const Flow::Run &run = flow.runs[i];
      addRun(problem, run, count, {way.head[i], workOf(problem, run, count), way.tail[i]},
             loads[route.devices[run.stage]]);
    }
    for (int stage = 0; stage < placement.stages(); ++stage)
      addUpdates(problem, stage, loads[route.devices[stage]]);
  }
  return loads;
}

/// All messages of a route, each between what leads to it and what follows.
static void addTraffic(const Problem &problem, const Flow &flow, const Route &route,
                       const Way &way, std::vector<std::vector<Traffic>> &links) {
  for (size_t i = 0; i < flow.runs.size(); ++i)
    for (int to : flow.runs[i].readers) {
      const Flow::Run &maker = flow.runs[i], &reader = flow.runs[to];
      int from = route.devices[maker.stage], there = route.devices[reader.stage];
      if (from == there)
        continue;
      Action made{maker.kind, false, maker.stage, 0};
      double left = problem.costs.time(problem.placement, {reader.kind, false, reader.stage, 0}) + way.tail[to];
      links[from][there].add(problem.costs.message(from, there, made), route.microbatches.size(),
                             way.head[i] + problem.costs.time(problem.placement, made), left);
    }
}

/// What single micro-batches and the messages of a link take.
static double messageBound(const Problem &problem) {
  size_t devices = problem.placement.devices();
  std::vector<std::vector<Traffic>> links(devices,
                                          std::vector<Traffic>(devices));
  double bound = 0;
  Flow flow(problem.placement, problem.split);
  for (const Route &route : problem.placement.routes()) {
    if (route.microbatches.empty())
      continue;
    Way way = follow(problem, flow, route);
    bound = std::max(bound, way.length);
    addTraffic(problem, flow, route, way, links);
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
