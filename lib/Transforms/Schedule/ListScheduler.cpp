//===- ListScheduler.cpp - An order by one rule at a time ------------------===//

#include "lib/Transforms/Schedule/ListScheduler.h"

#include "lib/Transforms/Schedule/Simulate.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <queue>

using namespace bitpipe::schedule;

namespace {
constexpr double never = std::numeric_limits<double>::infinity();
/// Sums of times or activations that differ by no more than this share of one
/// are rounded differently.
constexpr double rounding = 1e-9;
/// A device in the middle of opposite routes has the same stage of both: they
/// take turns. Small enough for any number of micro-batches to decide nothing
/// else.
constexpr double tie = 1e-7;

/// One stage of one route on its device. Micro-batches pass it in order.
struct Lane {
  const Route *route;
  int stage;
  /// How often the route has been on this device before this stage.
  int pass;
  bool isLastPass = true;
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
  ListScheduler(const Problem &problem, const Policy &policy);
  Order run();

private:
  size_t key(int stage, int microbatch) const {
    return size_t(stage) * placement.microbatches() + microbatch;
  }
  void wake(double time, int device) { events.push({time, device}); }
  void decide(int device, double now);
  Choice choose(int device, double now);
  Choice chooseWeight(int device);
  void considerForward(int device, double now, Lane &lane, Choice &best);
  void considerBackward(int device, double now, Lane &lane, Choice &best);
  double forwardScore(const Lane &lane) const;
  double backwardScore(int device, const Lane &lane) const;
  bool completable(int device, int microbatch, double activation);
  void begin(int device, double now, const Choice &choice);
  void deliver(int device, double end, const Action &action);
  void hold(int device, int microbatch, double activation);

  const Problem &problem;
  const Placement &placement;
  const Costs &costs;
  const Policy &policy;
  /// Times within this are one moment.
  double moment = 0;
  /// Memory may be exceeded by this.
  double slack;
  std::vector<std::vector<Lane>> lanes;
  /// When the inputs of forwards and input gradients are there, by key.
  std::vector<double> forwardReady, backwardReady;
  std::vector<double> freeAt, freeMemory, link;
  /// For completable(), kept to save the allocation.
  std::vector<double> available;
  /// Per device, what one micro-batch needs in all.
  std::vector<double> wholeNeed;
  std::vector<size_t> backwardsDone;
  /// Per micro-batch and device, the activations alive and still to come.
  std::vector<std::vector<double>> held, needed;
  std::vector<int> stagesLeft;
  /// Micro-batches under way, oldest first.
  std::vector<int> underWay;
  /// Devices that could have run a forward but for the memory of others.
  std::vector<bool> refused;
  using Event = std::pair<double, int>;
  std::priority_queue<Event, std::vector<Event>, std::greater<Event>> events;
  Order order;
};
} // namespace

ListScheduler::ListScheduler(const Problem &problem, const Policy &policy)
    : problem(problem), placement(problem.placement), costs(problem.costs),
      policy(policy), slack(rounding * problem.activation),
      lanes(placement.devices()),
      forwardReady(size_t(placement.stages()) * placement.microbatches(),
                   never),
      backwardReady(forwardReady), freeAt(placement.devices()),
      link(size_t(placement.devices()) * placement.devices()),
      backwardsDone(placement.devices()),
      held(placement.microbatches(),
           std::vector<double>(placement.devices())),
      needed(held), stagesLeft(placement.microbatches(), placement.stages()),
      refused(placement.devices()), order(placement.devices()) {
  for (const StageCost &stage : costs.stages)
    moment = std::max(moment, rounding * stage.forward);
  for (int device = 0; device < placement.devices(); ++device) {
    freeMemory.push_back(problem.limit(device));
    wholeNeed.push_back(smallestMemory(placement, costs, device));
  }
  for (const Route &route : placement.routes()) {
    std::vector<int> passes(placement.devices());
    double mean = double(placement.microbatches()) / placement.routes().size();
    double weight = mean / std::max<size_t>(route.microbatches.size(), 1);
    for (int stage = 0; stage < placement.stages(); ++stage) {
      int device = route.devices[stage];
      for (Lane &lane : lanes[device])
        lane.isLastPass = lane.isLastPass && lane.route != &route;
      lanes[device].push_back({&route, stage, passes[device]++});
      lanes[device].back().weight = weight;
      for (int m : route.microbatches)
        needed[m][device] += costs.stage(stage).activation;
    }
    for (int m : route.microbatches)
      forwardReady[key(0, m)] = 0;
  }
}

Order ListScheduler::run() {
  for (int device = 0; device < placement.devices(); ++device)
    wake(0, device);
  std::vector<int> awake;
  while (!events.empty()) {
    double now = events.top().first;
    awake.clear();
    while (!events.empty() && events.top().first <= now + moment) {
      awake.push_back(events.top().second);
      events.pop();
    }
    std::sort(awake.begin(), awake.end());
    awake.erase(std::unique(awake.begin(), awake.end()), awake.end());
    for (int device : awake)
      if (freeAt[device] <= now + moment)
        decide(device, now);
  }
  return std::move(order);
}

void ListScheduler::decide(int device, double now) {
  refused[device] = false;
  if (Choice choice = choose(device, now); choice.lane)
    begin(device, now, choice);
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
  if (problem.split && freeMemory[device] < policy.tidy * problem.activation)
    best = chooseWeight(device);
  if (best.lane)
    return best;
  for (Lane &lane : lanes[device])
    considerBackward(device, now, lane, best);
  for (Lane &lane : lanes[device])
    considerForward(device, now, lane, best);
  return best.lane || !problem.split ? best : chooseWeight(device);
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
  if (int(backwardsDone[device]) < policy.eager &&
      (!policy.eagerLastPass || lane.isLastPass))
    first = 3e6;
  switch (policy.backward) {
  case Policy::Backward::EarlyStage:
    return first - lane.stage - tie * double(lane.backwards);
  case Policy::Backward::LateStage:
    return first + lane.stage - tie * double(lane.backwards);
  case Policy::Backward::Oldest:
    return first - lane.route->microbatches[lane.backwards];
  case Policy::Backward::Balanced:
    return first + policy.lead * lane.pass - lane.weight * lane.backwards;
  }
  return first;
}

void ListScheduler::considerForward(int device, double now, Lane &lane,
                                    Choice &best) {
  if (lane.forwards == lane.route->microbatches.size())
    return;
  if (policy.entered && lane.pass == 0 &&
      lane.weight * (lane.forwards - lane.backwards) >= policy.entered)
    return;
  int m = lane.route->microbatches[lane.forwards];
  if (forwardReady[key(lane.stage, m)] > now + moment)
    return;
  double score = forwardScore(lane);
  double activation = costs.stage(lane.stage).activation;
  if (score <= best.score || freeMemory[device] < activation - slack)
    return;
  if (completable(device, m, activation))
    best = {&lane, Kind::F, score};
  else
    refused[device] = true;
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

/// Whether all that is under way could still complete, oldest first, if
/// `microbatch` took memory on `device` now.
bool ListScheduler::completable(int device, int microbatch, double activation) {
  if (problem.memory.empty())
    return true;
  available = freeMemory;
  available[device] -= activation;
  bool plenty = false;
  auto completes = [&](int m) {
    bool taking = m == microbatch;
    plenty = true;
    for (int d = 0; d < placement.devices(); ++d) {
      double taken = taking && d == device ? activation : 0;
      if (needed[m][d] - taken > available[d] + slack)
        return false;
      available[d] += held[m][d] + taken;
      plenty = plenty && available[d] >= wholeNeed[d];
    }
    return true;
  };
  for (int m : underWay) {
    if (!completes(m))
      return false;
    // What is left over suffices for any micro-batch from here on.
    if (plenty)
      return true;
  }
  bool isNew = held[microbatch][device] == 0 &&
               std::find(underWay.begin(), underWay.end(), microbatch) ==
                   underWay.end();
  return !isNew || completes(microbatch);
}

void ListScheduler::hold(int device, int microbatch, double activation) {
  freeMemory[device] -= activation;
  held[microbatch][device] += activation;
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
  freeAt[device] = end;
  wake(end, device);
  deliver(device, end, action);

  double activation = costs.stage(lane.stage).activation;
  if (action.kind == Kind::F) {
    if (lane.stage == 0)
      underWay.push_back(m);
    hold(device, m, activation);
    needed[m][device] -= activation;
  }
  backwardsDone[device] += makesInputGradient(action.kind);
  if (!makesWeightGradient(action.kind))
    return;
  hold(device, m, -activation);
  if (--stagesLeft[m] == 0)
    underWay.erase(std::find(underWay.begin(), underWay.end(), m));
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
  double arrival = end;
  int to = placement.device(reader, action.microbatch);
  if (to != device) {
    double &busy = link[size_t(device) * placement.devices() + to];
    MessageTime message = costs.message(device, to, action);
    busy = std::max(busy, end) + message.transfer;
    arrival = busy + message.latency;
  }
  (forward ? forwardReady : backwardReady)[key(reader, action.microbatch)] =
      arrival;
  wake(arrival, to);
}

Order bitpipe::schedule::listSchedule(const Problem &problem,
                                      const Policy &policy) {
  return ListScheduler(problem, policy).run();
}
