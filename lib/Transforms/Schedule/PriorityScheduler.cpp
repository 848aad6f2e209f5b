//===- PriorityScheduler.cpp - List scheduling in both directions ----------===//

#include "lib/Transforms/Schedule/PriorityScheduler.h"

#include "lib/Transforms/Schedule/EventQueue.h"
#include "lib/Transforms/Schedule/MemoryGuard.h"

#include <algorithm>

using namespace bitpipe::schedule;

namespace {
/// Times within this share of a forward are the same.
constexpr double rounding = 1e-9;

enum Direction { Forward, Backward };

/// The runs of one kind of a stage of a route. Micro-batches pass it in order,
/// from the last one on when time runs backwards.
struct Lane {
  const Route *route;
  Kind kind;
  int stage;
  size_t next = 0;
};

/// Time runs from 0 in either direction; backwards it is turned round at the end.
class PriorityScheduler {
public:
  PriorityScheduler(const Problem &problem, const Priorities &priorities,
                    Direction direction);
  Pass run();

private:
  int microbatch(const Lane &lane) const {
    const std::vector<int> &list = lane.route->microbatches;
    return direction == Forward ? list[lane.next]
                                : list[list.size() - 1 - lane.next];
  }
  /// Weight gradients, and whole backwards, end what forwards begin.
  bool takesMemory(Kind kind) const {
    return direction == Forward ? kind == Kind::F : makesWeightGradient(kind);
  }
  bool givesMemory(Kind kind) const {
    return direction == Forward ? makesWeightGradient(kind) : kind == Kind::F;
  }
  void addLanes();
  void turnRound();
  bool isReady(const Lane &lane, int device) const;
  void decide(int device);
  void begin(int device, Lane &lane);
  void finish(const Action &action, int device, double end);
  void send(const Action &made, int from, const Action &reader, double end);
  void arrive(const Action &reader, int device, double time);

  const Problem &problem;
  const Placement &placement;
  const Costs &costs;
  const Priorities &priorities;
  const Direction direction;
  const Tasks tasks;
  double moment = 0, now = 0;
  MemoryGuard guard;
  std::vector<std::vector<Lane>> lanes;
  std::vector<double> freeAt, link;
  /// The lanes that a device could go on with, by priority.
  std::vector<std::pair<double, Lane *>> candidates;
  /// Devices that could have gone on but for the memory of others.
  std::vector<bool> refused;
  /// Per task, when all that it waits for is there, and how many of that are
  /// still missing.
  std::vector<double> ready;
  std::vector<int> missing;
  EventQueue events;
  Pass pass;
};
} // namespace

PriorityScheduler::PriorityScheduler(const Problem &problem,
                                     const Priorities &priorities,
                                     Direction direction)
    : problem(problem), placement(problem.placement), costs(problem.costs),
      priorities(priorities), direction(direction), tasks(problem),
      guard(problem), lanes(placement.devices()), freeAt(placement.devices()),
      link(size_t(placement.devices()) * placement.devices()),
      refused(placement.devices()), ready(tasks.count()), missing(tasks.count(), 1) {
  for (const StageCost &stage : costs.stages)
    moment = std::max(moment, rounding * stage.forward);
  events = EventQueue(moment);
  pass.start.resize(tasks.count());
  pass.sequence.reserve(tasks.count());
  addLanes();
}

void PriorityScheduler::addLanes() {
  Kind gradient = problem.split ? Kind::I : Kind::B;
  for (const Route &route : placement.routes())
    for (int stage = 0; stage < placement.stages(); ++stage) {
      std::vector<Lane> &list = lanes[route.devices[stage]];
      list.push_back({&route, Kind::F, stage});
      list.push_back({&route, gradient, stage});
      if (problem.split)
        list.push_back({&route, Kind::W, stage});
      for (int m : route.microbatches) {
        if (direction == Forward || !problem.split)
          continue;
        // Backwards an input gradient waits for two: its weight gradient, and
        // the input gradient that needs it.
        missing[tasks.index(Kind::W, stage, m)] = 0;
        missing[tasks.index(Kind::I, stage, m)] = stage > 0 ? 2 : 1;
      }
    }
  for (int m = 0; m < placement.microbatches(); ++m) {
    if (direction == Forward)
      missing[tasks.index(Kind::F, 0, m)] = 0;
    else if (!problem.split)
      missing[tasks.index(Kind::B, 0, m)] = 0;
  }
}

Pass PriorityScheduler::run() {
  for (int device = 0; device < placement.devices(); ++device)
    events.wake(0, device);
  std::vector<int> awake;
  while (!events.empty()) {
    now = events.next(awake);
    for (int device : awake)
      if (freeAt[device] <= now + moment)
        decide(device);
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

bool PriorityScheduler::isReady(const Lane &lane, int device) const {
  if (lane.next == lane.route->microbatches.size())
    return false;
  size_t task = tasks.index(lane.kind, lane.stage, microbatch(lane));
  return missing[task] == 0 && ready[task] <= now + moment &&
         (!takesMemory(lane.kind) || guard.fits(lane.stage, device));
}

/// The first that is ready and does not keep others from completing.
void PriorityScheduler::decide(int device) {
  candidates.clear();
  for (Lane &lane : lanes[device])
    if (isReady(lane, device)) {
      double priority = priorities[tasks.index(lane.kind, lane.stage,
                                               microbatch(lane))];
      candidates.push_back({direction == Forward ? priority : -priority, &lane});
    }
  refused[device] = false;
  while (!candidates.empty()) {
    auto first = std::min_element(
        candidates.begin(), candidates.end(),
        [](const auto &a, const auto &b) { return a.first < b.first; });
    Lane &lane = *first->second;
    if (!takesMemory(lane.kind) ||
        guard.isSafe(lane.stage, microbatch(lane), device))
      return begin(device, lane);
    refused[device] = true;
    candidates.erase(first);
  }
}

void PriorityScheduler::begin(int device, Lane &lane) {
  Action action{lane.kind, false, lane.stage, microbatch(lane)};
  ++lane.next;
  size_t task = tasks.index(action.kind, action.stage, action.microbatch);
  double end = now + costs.time(action);
  pass.start[task] = now;
  pass.sequence.push_back(task);
  pass.makespan = std::max(pass.makespan, end);
  freeAt[device] = end;
  events.wake(end, device);
  // A device does one thing at a time: what it frees is free at its next
  // choice.
  if (takesMemory(action.kind))
    guard.take(action.stage, action.microbatch, device);
  if (givesMemory(action.kind)) {
    guard.give(action.stage, action.microbatch, device);
    for (int other = 0; other < placement.devices(); ++other)
      if (refused[other])
        events.wake(std::max(end, freeAt[other]), other);
  }
  finish(action, device, end);
}

/// One of the things that an action waits for is there.
void PriorityScheduler::arrive(const Action &reader, int device, double time) {
  size_t task = tasks.index(reader.kind, reader.stage, reader.microbatch);
  ready[task] = std::max(ready[task], time);
  // A device that is busy looks round when it is done.
  if (--missing[task] == 0 && ready[task] >= freeAt[device])
    events.wake(ready[task], device);
}

/// `made` is the action whose result is sent, whichever end is done first.
void PriorityScheduler::send(const Action &made, int from, const Action &reader,
                             double end) {
  int to = placement.device(reader.stage, reader.microbatch);
  double time = end;
  if (to != from) {
    int source = direction == Forward ? from : to;
    int target = direction == Forward ? to : from;
    double &busy = link[size_t(source) * placement.devices() + target];
    MessageTime message = costs.message(source, target, made);
    busy = std::max(busy, end) + message.transfer;
    time = busy + message.latency;
  }
  arrive(reader, to, time);
}

/// What waits for an action: forwards what reads its result, backwards what
/// makes what it reads.
void PriorityScheduler::finish(const Action &action, int device, double end) {
  int stage = action.stage, m = action.microbatch;
  int last = placement.stages() - 1;
  Kind gradient = problem.split ? Kind::I : Kind::B;
  if (direction == Forward) {
    if (action.kind == Kind::F && stage < last)
      return send(action, device, {Kind::F, false, stage + 1, m}, end);
    if (action.kind == Kind::F)
      return arrive({gradient, false, stage, m}, device, end);
    if (action.kind == Kind::I)
      arrive({Kind::W, false, stage, m}, device, end);
    if (makesInputGradient(action.kind) && stage > 0)
      send(action, device, {gradient, false, stage - 1, m}, end);
    return;
  }
  if (action.kind == Kind::W)
    return arrive({gradient, false, stage, m}, device, end);
  if (action.kind != Kind::F && stage == last)
    return arrive({Kind::F, false, stage, m}, device, end);
  if (action.kind == Kind::F && stage == 0)
    return;
  int back = action.kind == Kind::F ? stage - 1 : stage + 1;
  Action before{action.kind, false, back, m};
  send(before, device, before, end);
}

Pass bitpipe::schedule::scheduleForward(const Problem &problem,
                                        const Priorities &priorities) {
  return PriorityScheduler(problem, priorities, Forward).run();
}

Pass bitpipe::schedule::scheduleBackward(const Problem &problem,
                                         const Priorities &priorities) {
  return PriorityScheduler(problem, priorities, Backward).run();
}
