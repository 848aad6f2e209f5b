//===- ListScheduler.cpp - An order by one rule at a time ------------------===//

#include "lib/Transforms/Schedule/ListScheduler.h"

#include "lib/Transforms/Schedule/Links.h"
#include "lib/Transforms/Schedule/MemoryGuard.h"
#include "lib/Transforms/Schedule/WakeTimes.h"
#include "lib/Transforms/Schedule/Way.h"

#include <algorithm>

using namespace bitpipe::schedule;

namespace {
constexpr double never = WakeTimes::never;
/// A device in the middle of opposite routes has the same stage of both: they
/// take turns. Small enough for any number of micro-batches to decide nothing
/// else.
constexpr double tie = 1e-7;

/// One stage of one route on its device. Micro-batches pass it in order.
struct Lane {
  const Route *route;
  /// Of the route.
  int index;
  int stage;
  /// How often the route has been on this device before this stage.
  int pass;
  /// One of its micro-batches counts for so many where directions are kept in
  /// balance: less on a route that has more of them than others.
  double weight = 1;
  /// How many forwards, input gradients and weight gradients are begun.
  size_t forwards = 0, backwards = 0, weights = 0;
};

struct Choice {
  Lane *lane = nullptr;
  Kind kind = Kind::F;
  double score = -never;
};

class ListScheduler {
public:
  ListScheduler(const Problem &problem, const Policy &policy, double latest);
  Order run();

private:
  size_t key(int stage, int microbatch) const {
    return size_t(stage) * placement.microbatches() + microbatch;
  }
  /// A device that is busy looks round when it is done.
  void wake(double time, int device) {
    wakeTimes.wake(std::max(time, freeAt[device]), device);
  }
  void decide(int device, double now);
  Choice choose(int device, double now);
  Choice chooseWeight(int device);
  double nextReady(int device, double now) const;
  bool isReady(const Lane &lane, int device, double now) const;
  void considerForwards(int device, double now, Choice &best);
  void considerBackward(int device, double now, Lane &lane, Choice &best);
  int enteredOf(const Lane &lane) const;
  double leadOf(const Lane &lane) const;
  double forwardScore(const Lane &lane) const;
  double backwardScore(int device, const Lane &lane) const;
  void begin(int device, double now, const Choice &choice);
  void deliver(int device, double end, const Action &action);

  const Problem &problem;
  const Placement &placement;
  const Costs &costs;
  const Policy &policy;
  const double latest;
  bool isLate = false;
  /// Times within this are one moment.
  const double moment;
  std::vector<std::vector<Lane>> lanes;
  /// When the inputs of forwards and input gradients are there, by key.
  std::vector<double> forwardReady, backwardReady;
  MemoryGuard guard;
  std::vector<double> freeAt;
  Links links;
  /// What a device has still to run, and then the others after it.
  std::vector<double> workLeft;
  /// The forwards that a device could run now.
  std::vector<Choice> candidates;
  std::vector<size_t> backwardsDone;
  /// Devices that could have run a forward but for the memory of others.
  std::vector<bool> refused;
  WakeTimes wakeTimes;
  Order order;
};
} // namespace

ListScheduler::ListScheduler(const Problem &problem, const Policy &policy,
                             double latest)
    : problem(problem), placement(problem.placement), costs(problem.costs),
      policy(policy), latest(latest), moment(momentOf(costs)),
      lanes(placement.devices()),
      forwardReady(size_t(placement.stages()) * placement.microbatches(),
                   never),
      backwardReady(forwardReady), guard(problem),
      freeAt(placement.devices()),
      links(placement.devices(), costs),
      workLeft(placement.devices()),
      backwardsDone(placement.devices()), refused(placement.devices()),
      wakeTimes(placement.devices(), moment), order(placement.devices()) {
  // After its last run the gradient must leave the pipeline, which weight
  // gradients need not.
  std::vector<double> tail(placement.devices(), problem.split ? 0 : never);
  for (const Route &route : placement.routes()) {
    int index = int(&route - placement.routes().data());
    Way way = follow(problem, route);
    std::vector<int> passes(placement.devices());
    double mean = double(placement.microbatches()) / placement.routes().size();
    double weight = mean / std::max<size_t>(route.microbatches.size(), 1);
    for (int stage = 0; stage < placement.stages(); ++stage) {
      int device = route.devices[stage];
      lanes[device].push_back({&route, index, stage, passes[device]++});
      lanes[device].back().weight = weight;
      workLeft[device] +=
          costs.workOf(stage, problem.split) * route.microbatches.size();
      if (!problem.split && !route.microbatches.empty())
        tail[device] = std::min(tail[device], way.rest[stage]);
    }
    for (int m : route.microbatches)
      forwardReady[key(0, m)] = 0;
  }
  for (int device = 0; device < placement.devices(); ++device)
    workLeft[device] += tail[device] < never ? tail[device] : 0;
}

Order ListScheduler::run() {
  std::vector<int> awake;
  for (;;) {
    double now = wakeTimes.next(awake);
    if (awake.empty())
      return std::move(order);
    for (int device : awake)
      if (freeAt[device] <= now + moment)
        decide(device, now);
      else
        wake(now, device);
    if (isLate)
      return {};
  }
}

void ListScheduler::decide(int device, double now) {
  refused[device] = false;
  if (Choice choice = choose(device, now); choice.lane)
    begin(device, now, choice);
  else
    wake(nextReady(device, now), device);
}

/// When the next of the inputs that are on their way will be there.
double ListScheduler::nextReady(int device, double now) const {
  double next = never;
  auto consider = [&](double ready) {
    if (ready > now + moment)
      next = std::min(next, ready);
  };
  for (const Lane &lane : lanes[device]) {
    if (lane.forwards < lane.route->microbatches.size())
      consider(forwardReady[key(lane.stage,
                                lane.route->microbatches[lane.forwards])]);
    if (lane.backwards < lane.forwards)
      consider(backwardReady[key(lane.stage,
                                 lane.route->microbatches[lane.backwards])]);
  }
  return next;
}

/// The weight gradient of the oldest micro-batch that has one waiting.
Choice ListScheduler::chooseWeight(int device) {
  Choice best;
  for (Lane &lane : lanes[device]) {
    if (lane.weights == lane.backwards)
      continue;
    double score = -lane.route->microbatches[lane.weights];
    if (score > best.score)
      best = {&lane, Kind::W, score};
  }
  return best;
}

Choice ListScheduler::choose(int device, double now) {
  Choice best;
  if (problem.split && guard.free(device) < policy.tidy * problem.activation)
    best = chooseWeight(device);
  if (best.lane)
    return best;
  for (Lane &lane : lanes[device])
    considerBackward(device, now, lane, best);
  considerForwards(device, now, best);
  return best.lane || !problem.split ? best : chooseWeight(device);
}

/// The last change that is about a lane's micro-batch, or null.
static const Policy::Change *changeFor(const Policy &policy, const Lane &lane,
                                       size_t microbatch) {
  const Policy::Change *last = nullptr;
  for (const Policy::Change &change : policy.changes)
    if (change.from <= microbatch && microbatch < change.to &&
        (change.route < 0 || change.route == lane.index))
      last = &change;
  return last;
}

/// What holds for the next forward of a lane.
int ListScheduler::enteredOf(const Lane &lane) const {
  const Policy::Change *change = changeFor(policy, lane, lane.forwards);
  return change ? change->entered : policy.entered;
}

/// What holds for the next backward of a lane.
double ListScheduler::leadOf(const Lane &lane) const {
  const Policy::Change *change = changeFor(policy, lane, lane.backwards);
  return change ? change->lead : policy.lead;
}

double ListScheduler::forwardScore(const Lane &lane) const {
  double first = policy.forwardsFirst ? 2e6 : 1e6;
  switch (policy.forward) {
  case Policy::Forward::LateStage:
    return first + lane.stage - tie * double(lane.forwards);
  case Policy::Forward::EarlyStage:
    return first - lane.stage - tie * double(lane.forwards);
  case Policy::Forward::Oldest:
    return first - lane.route->microbatches[lane.forwards] + 1e-3 * lane.stage;
  }
  return first;
}

double ListScheduler::backwardScore(int device, const Lane &lane) const {
  double first = policy.forwardsFirst ? 1e6 : 2e6;
  if (int(backwardsDone[device]) < policy.eager)
    first = 3e6;
  switch (policy.backward) {
  case Policy::Backward::EarlyStage:
    return first - lane.stage - tie * double(lane.backwards);
  case Policy::Backward::LateStage:
    return first + lane.stage - tie * double(lane.backwards);
  case Policy::Backward::Oldest:
    return first - lane.route->microbatches[lane.backwards];
  case Policy::Backward::Balanced:
    return first + leadOf(lane) * lane.pass - lane.weight * lane.backwards;
  }
  return first;
}

bool ListScheduler::isReady(const Lane &lane, int device, double now) const {
  if (lane.forwards == lane.route->microbatches.size() ||
      !guard.fits(lane.stage, device))
    return false;
  int m = lane.route->microbatches[lane.forwards];
  if (forwardReady[key(lane.stage, m)] > now + moment)
    return false;
  int entered = enteredOf(lane);
  return entered == 0 || lane.pass > 0 ||
         lane.weight * (lane.forwards - lane.backwards) < entered;
}

/// The first by the policy of the forwards that do not keep others from
/// completing, if it comes before the best backward.
void ListScheduler::considerForwards(int device, double now, Choice &best) {
  candidates.clear();
  for (Lane &lane : lanes[device])
    if (isReady(lane, device, now))
      candidates.push_back({&lane, Kind::F, forwardScore(lane)});
  auto less = [](const Choice &a, const Choice &b) { return a.score < b.score; };
  while (!candidates.empty()) {
    auto first = std::max_element(candidates.begin(), candidates.end(), less);
    if (first->score <= best.score)
      return;
    const Lane &lane = *first->lane;
    if (guard.isSafe(lane.stage, lane.route->microbatches[lane.forwards],
                     device)) {
      best = *first;
      return;
    }
    refused[device] = true;
    candidates.erase(first);
  }
}

void ListScheduler::considerBackward(int device, double now, Lane &lane,
                                     Choice &best) {
  if (lane.backwards == lane.forwards)
    return;
  int m = lane.route->microbatches[lane.backwards];
  if (backwardReady[key(lane.stage, m)] > now + moment)
    return;
  double score = backwardScore(device, lane);
  if (score > best.score)
    best = {&lane, problem.split ? Kind::I : Kind::B, score};
}

void ListScheduler::begin(int device, double now, const Choice &choice) {
  Lane &lane = *choice.lane;
  size_t &count = choice.kind == Kind::F   ? lane.forwards
                  : choice.kind == Kind::W ? lane.weights
                                           : lane.backwards;
  int m = lane.route->microbatches[count++];
  Action action{choice.kind, false, lane.stage, m};
  double end = now + costs.time(action);
  order[device].push_back(action);
  workLeft[device] -= end - now;
  isLate = isLate || end + workLeft[device] > latest + moment;
  freeAt[device] = end;
  wake(end, device);
  deliver(device, end, action);

  if (action.kind == Kind::F)
    guard.take(lane.stage, m, device);
  backwardsDone[device] += makesInputGradient(action.kind);
  if (!makesWeightGradient(action.kind))
    return;
  guard.give(lane.stage, m, device);
  for (int other = 0; other < placement.devices(); ++other)
    if (refused[other])
      wake(end, other);
}

/// What an action makes arrives where it is read.
void ListScheduler::deliver(int device, double end, const Action &action) {
  if (action.kind == Kind::W)
    return;
  bool forward = action.kind == Kind::F;
  if (forward && action.stage + 1 == placement.stages()) {
    backwardReady[key(action.stage, action.microbatch)] = end;
    return;
  }
  int reader = forward ? action.stage + 1 : action.stage - 1;
  if (reader < 0)
    return;
  int to = placement.device(reader, action.microbatch);
  double arrival = to == device ? end : links.send(device, to, action, end);
  (forward ? forwardReady : backwardReady)[key(reader, action.microbatch)] =
      arrival;
  wake(arrival, to);
}

Order bitpipe::schedule::listSchedule(const Problem &problem,
                                      const Policy &policy, double latest) {
  return ListScheduler(problem, policy, latest).run();
}
