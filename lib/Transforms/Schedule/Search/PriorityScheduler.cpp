//===- PriorityScheduler.cpp - List scheduling in both directions ----------===//

#include "lib/Transforms/Schedule/Search/PriorityScheduler.h"

#include "lib/Transforms/Schedule/Core/Links.h"
#include "lib/Transforms/Schedule/Search/Flow.h"
#include "lib/Transforms/Schedule/Search/MemoryGuard.h"
#include "lib/Transforms/Schedule/Search/WakeTimes.h"

#include <algorithm>

using namespace bitpipe::schedule;

namespace {
constexpr double never = WakeTimes::never;

enum Direction { Forward, Backward };

/// The runs of one kind of a stage of a route. Micro-batches pass it in order,
/// from the last one on when time runs backwards.
struct Lane {
  const Route *route;
  Kind kind;
  int stage;
  double time;
  bool takesMemory, givesMemory;
  /// What follows it: what reads what it makes, or backwards what makes what it reads.
  const Flow::Neighbours *next;
  /// How many are begun; the next one, and its task, or the number of tasks.
  size_t begun = 0;
  int microbatch = 0;
  size_t task = 0;
  /// Of the first forwards of a route on the device: the place among the device's lanes
  /// of the input gradients of the same stage.
  int gradients = -1;
};

/// Time runs from 0 in either direction; backwards it is turned round at the end.
class PriorityScheduler {
public:
  PriorityScheduler(const Problem &problem, const Priorities &priorities,
                    Direction direction, size_t entered, double wait);
  Pass run();

private:
  void addLane(const Route &route, const Flow::Run &run);
  const Flow::Neighbours &before(const Flow::Run &run) const {
    return direction == Forward ? run.makers : run.readers;
  }
  void findFirstPasses();
  bool isFull(const std::vector<Lane> &own, const Lane &lane) const;
  void setFirstTasks();
  void showNext(Lane &lane);
  void turnRound();
  void decide(int device);
  double nextReady(int device) const;
  void begin(int device, Lane &lane);
  void finish(const Lane &lane, int device, double end);
  void send(const Action &made, int from, int to, size_t reader, double end);
  void arrive(size_t task, int device, double time);

  const Placement &placement;
  const Costs &costs;
  const Priorities &priorities;
  const Direction direction;
  const size_t entered;
  const double wait;
  const Tasks tasks;
  const Flow flow;
  const double moment;
  double now = 0;
  MemoryGuard guard;
  std::vector<std::vector<Lane>> lanes;
  std::vector<double> freeAt;
  Links links;
  /// The lanes that a device could go on with, by priority.
  std::vector<std::pair<double, Lane *>> candidates;
  /// Devices that could have gone on but for the memory of others.
  std::vector<int> refused;
  /// Per task, when all that it waits for is there, never while some is missing;
  /// and never once more at the end, for lanes that are done.
  std::vector<double> ready;
  /// Per task, how many of these are missing, and when the last that is not was there.
  std::vector<uint8_t> missing;
  std::vector<double> latest;
  WakeTimes wakeTimes;
  Pass pass;
};
} // namespace

PriorityScheduler::PriorityScheduler(const Problem &problem,
                                     const Priorities &priorities,
                                     Direction direction, size_t entered, double wait)
    : placement(problem.placement), costs(problem.costs),
      priorities(priorities), direction(direction), entered(entered),
      wait(wait), tasks(problem), flow(problem.placement, problem.split),
      moment(momentOf(costs)), guard(problem), lanes(placement.devices()),
      freeAt(placement.devices()),
      links(placement.devices(), costs),
      ready(tasks.count() + 1, never), missing(tasks.count()), latest(tasks.count()),
      wakeTimes(placement.devices(), moment) {
  pass.start.resize(tasks.count());
  pass.sequence.reserve(tasks.count());
  setFirstTasks();
  for (const Route &route : placement.routes())
    for (int stage = 0; stage < placement.stages(); ++stage)
      for (const Flow::Run &run : flow.runs)
        if (run.stage == stage)
          addLane(route, run);
  if (entered)
    findFirstPasses();
}

void PriorityScheduler::findFirstPasses() {
  for (std::vector<Lane> &own : lanes) {
    const Route *route = nullptr;
    for (size_t i = 0; i < own.size(); ++i) {
      if (own[i].route == route)
        continue;
      route = own[i].route;
      own[i].gradients = int(i) + 1;
    }
  }
}

/// Whether as many micro-batches have entered as may.
bool PriorityScheduler::isFull(const std::vector<Lane> &own, const Lane &lane) const {
  return lane.gradients >= 0 && lane.begun - own[lane.gradients].begun >= entered;
}

void PriorityScheduler::addLane(const Route &route, const Flow::Run &run) {
  double time = costs.time({run.kind, false, run.stage, 0});
  bool isForward = direction == Forward;
  Lane &lane = lanes[route.devices[run.stage]].emplace_back(
      Lane{&route, run.kind, run.stage, time, isForward ? run.takes : run.gives,
           isForward ? run.gives : run.takes, isForward ? &run.readers : &run.makers});
  showNext(lane);
}

/// For how much each waits, and what waits for nothing.
void PriorityScheduler::setFirstTasks() {
  for (size_t task = 0; task < tasks.count(); ++task) {
    missing[task] = uint8_t(before(flow.runs[task % flow.runs.size()]).size());
    if (missing[task] == 0)
      ready[task] = 0;
  }
}

void PriorityScheduler::showNext(Lane &lane) {
  const std::vector<int> &list = lane.route->microbatches;
  if (lane.begun == list.size()) {
    lane.task = tasks.count();
    return;
  }
  size_t next = direction == Forward ? lane.begun : list.size() - 1 - lane.begun;
  lane.microbatch = list[next];
  lane.task = tasks.index(lane.kind, lane.stage, lane.microbatch);
}

Pass PriorityScheduler::run() {
  std::vector<int> awake;
  for (;;) {
    now = wakeTimes.next(awake);
    if (awake.empty())
      break;
    for (int device : awake)
      if (freeAt[device] <= now + moment)
        decide(device);
      else
        wakeTimes.wake(freeAt[device], device);
  }
  pass.complete = pass.sequence.size() == tasks.count();
  if (direction == Backward)
    turnRound();
  return std::move(pass);
}

void PriorityScheduler::turnRound() {
  for (size_t task : pass.sequence)
    pass.start[task] =
        pass.makespan - pass.start[task] - costs.time(tasks.action(task));
  std::reverse(pass.sequence.begin(), pass.sequence.end());
}

/// The first that is ready, or soon will be, and does not keep others from completing.
void PriorityScheduler::decide(int device) {
  std::erase(refused, device);
  candidates.clear();
  for (Lane &lane : lanes[device]) {
    if (ready[lane.task] > now + moment + wait ||
        (lane.takesMemory && !guard.fits(lane.stage, device)) ||
        isFull(lanes[device], lane))
      continue;
    double priority = priorities[lane.task];
    candidates.push_back({direction == Forward ? priority : -priority, &lane});
  }
  bool isRefused = false;
  while (!candidates.empty()) {
    auto first = std::min_element(
        candidates.begin(), candidates.end(),
        [](const auto &a, const auto &b) { return a.first < b.first; });
    Lane &lane = *first->second;
    if (ready[lane.task] > now + moment)
      return wakeTimes.wake(ready[lane.task], device);
    if (!lane.takesMemory || guard.isSafe(lane.stage, lane.microbatch, device))
      return begin(device, lane);
    isRefused = true;
    candidates.erase(first);
  }
  if (isRefused)
    refused.push_back(device);
  wakeTimes.wake(nextReady(device), device);
}

/// When the next of what is on its way will be there.
double PriorityScheduler::nextReady(int device) const {
  double next = never;
  for (const Lane &lane : lanes[device])
    if (ready[lane.task] > now + moment)
      next = std::min(next, ready[lane.task]);
  return next;
}

void PriorityScheduler::begin(int device, Lane &lane) {
  double end = now + lane.time;
  pass.start[lane.task] = now;
  pass.sequence.push_back(lane.task);
  pass.makespan = std::max(pass.makespan, end);
  freeAt[device] = end;
  wakeTimes.wake(end, device);
  // A device does one thing at a time: what it frees is free at its next
  // choice.
  if (lane.takesMemory)
    guard.take(lane.stage, lane.microbatch, device);
  if (lane.givesMemory) {
    guard.give(lane.stage, lane.microbatch, device);
    for (int other : refused)
      wakeTimes.wake(std::max(end, freeAt[other]), other);
  }
  finish(lane, device, end);
  ++lane.begun;
  showNext(lane);
}

/// One of the things that a task waits for is there.
void PriorityScheduler::arrive(size_t task, int device, double time) {
  time = latest[task] = std::max(latest[task], time);
  if (--missing[task] > 0)
    return;
  ready[task] = time;
  // A device that is busy looks round when it is done.
  wakeTimes.wake(std::max(time, freeAt[device]), device);
}

/// `made` is the action whose result is sent, whichever end is done first.
void PriorityScheduler::send(const Action &made, int from, int to, size_t reader,
                             double end) {
  if (to == from)
    return arrive(reader, to, end);
  int source = direction == Forward ? from : to;
  int target = direction == Forward ? to : from;
  arrive(reader, to, links.send(source, target, made, end));
}

/// Tells what follows. Backwards a message is that of what comes next.
void PriorityScheduler::finish(const Lane &lane, int device, double end) {
  size_t first = lane.task - lane.task % flow.runs.size();
  for (int run : *lane.next) {
    const Flow::Run &other = flow.runs[run];
    const Flow::Run &maker = direction == Forward ? flow.runs[lane.task - first] : other;
    int to = lane.route->devices[other.stage];
    send({maker.kind, false, maker.stage, lane.microbatch}, device, to, first + run, end);
  }
}

Pass bitpipe::schedule::scheduleForward(const Problem &problem,
                                        const Priorities &priorities,
                                        size_t entered, double wait) {
  return PriorityScheduler(problem, priorities, Forward, entered, wait).run();
}

Pass bitpipe::schedule::scheduleBackward(const Problem &problem,
                                         const Priorities &priorities, double wait) {
  return PriorityScheduler(problem, priorities, Backward, 0, wait).run();
}
