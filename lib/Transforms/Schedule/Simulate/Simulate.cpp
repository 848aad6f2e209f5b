//===- Simulate.cpp - When everything happens ------------------------------===//
//
// Devices take turns (Turns.h), so that each action is looked at a few times at most.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Simulate/Simulate.h"

#include "lib/Transforms/Schedule/Core/Links.h"
#include "lib/Transforms/Schedule/Core/Turns.h"
#include "lib/Transforms/Schedule/Simulate/Makers.h"
#include "lib/Transforms/Schedule/Simulate/Meetings.h"

#include <algorithm>
#include <deque>
#include <map>
#include <utility>

using namespace bitpipe::schedule;

namespace {
/// A message on its way between two devices. That of a move is held until its receiver
/// makes room, and those behind it with it.
struct Sending {
  Action made;
  size_t tensor;
  double time;
  bool isHeld;
  /// The sender's.
  int device;
  size_t position;
};

class Simulation {
public:
  Simulation(const Placement &placement, const Order &order, const Costs &costs,
             const AsExecuted &executed)
      : placement(placement), order(order), costs(costs),
        ready(tensorCount(placement), -1), turns(order.size(), 2 * ready.size()),
        started(placement.moves() ? ready.size() : 0),
        room(placement.moves() ? ready.size() : 0, -1), leaving(order.size()),
        sentBy(order.size()), position(order.size()), free(executed.begin),
        links(int(order.size()), costs),
        meetings(groupsOf(placement, executed), int(order.size()), costs, executed.gathered),
        sumsOf(placement.updates() ? placement.stages() : 0), openSums(order.size()),
        askedFor(order.size(), SIZE_MAX), splitsBackwards(executed.splitsBackwards),
        weights(executed.weights) {
    free.resize(order.size());
    forEachGiven(placement, [&](int, const Tensor &given) {
      ready[tensorKey(placement, given)] = 0;
    });
    const std::vector<Group> &groups = meetings.all();
    for (size_t g = 0; g < groups.size() && placement.updates(); ++g)
      for (int stage : groups[g].stages)
        if (groups[g].devices.size() > 1)
          sumsOf[stage].push_back(int(g));
  }

  ErrorOr<Timing> run();

private:
  static std::vector<Group> groupsOf(const Placement &placement, const AsExecuted &executed) {
    bool areGiven = placement.updates() && !executed.groups.empty();
    return areGiven ? executed.groups : *makeGroups(placement, {});
  }
  size_t stepSize(int device) const;
  bool mayStart(int device, const Action &action, double &start);
  void advance(int device);
  void make(int device, const Action &action, double time);
  void send(int to, const Sending &sending);
  void deliverAll(int to, std::deque<Sending> &way);
  void deliver(int to, const Sending &sending);
  void meet(int device, const Action &action, double time);
  void gather(int device, const Action &action, double time);
  bool waitForSums(int device, const Action &action, double &start);
  void finishMeetings();
  size_t madeWeights(const Action &update) const;
  bool waitForSent(int device);
  Tensor tensorOf(size_t key) const;
  Action missing(Tensor tensor) const;
  std::optional<Action> awaited(int device) const;
  std::string stepText(int device) const;
  std::string blocked() const;

  const Placement &placement;
  const Order &order;
  const Costs &costs;
  /// Per tensor, when it is where it is used.
  std::vector<double> ready;
  /// Devices wait for tensors to come; behind these, for tensors to have left.
  Turns turns;
  /// What is on its way, where anything moves; per tensor that moves, whether it is sent,
  /// and since when there is room for it.
  std::map<std::pair<int, int>, std::deque<Sending>> ways;
  std::vector<bool> started;
  std::vector<double> room;
  /// Per device, what it has begun to send since its last run, and what must have been
  /// sent before its next action.
  std::vector<std::vector<size_t>> leaving, sentBy;
  /// Per device: the next action, and when it may start.
  std::vector<size_t> position;
  std::vector<double> free;
  Links links;
  Meetings meetings;
  std::vector<std::vector<int>> sumsOf; // by stage, the groups whose sums its updates want
  /// Per device, how many sums of its next update are not done, when the others are, and the
  /// position of the update that asked for them.
  struct OpenSums {
    size_t count = 0;
    double end = 0;
  };
  std::vector<OpenSums> openSums;
  std::vector<size_t> askedFor;
  bool splitsBackwards;
  const std::vector<std::vector<double>> &weights;
  Timing timing;
};
} // namespace

/// What is sent is where it is read when all before it on the same way is.
void Simulation::send(int to, const Sending &sending) {
  if (!placement.moves())
    return deliver(to, sending);
  std::deque<Sending> &way = ways[{sending.device, to}];
  way.push_back(sending);
  deliverAll(to, way);
}

void Simulation::deliverAll(int to, std::deque<Sending> &way) {
  for (; !way.empty() && !way.front().isHeld; way.pop_front())
    deliver(to, way.front());
}

void Simulation::deliver(int to, const Sending &sending) {
  double arrival = links.send(sending.device, to, sending.made, sending.time);
  ready[sending.tensor] = timing.arrival[sending.device][sending.position] = arrival;
  turns.made(sending.tensor);
  turns.made(sending.tensor + ready.size());
}

/// A move has come to one of its ends; at the second one the message may begin.
void Simulation::meet(int device, const Action &action, double time) {
  Tensor tensor = *effect(placement, action).makes.begin();
  auto [from, to] = *wayOf(placement, tensor);
  size_t key = tensorKey(placement, tensor);
  if (sendsMove(action.kind)) {
    leaving[device].push_back(key);
    started[key] = true;
    bool isHeld = room[key] < 0;
    return send(to, {action, key, std::max(time, room[key]), isHeld, device, position[device]});
  }
  room[key] = time;
  std::deque<Sending> &way = ways[{from, to}];
  for (Sending &sending : way)
    if (sending.tensor == key) {
      sending.time = std::max(sending.time, time);
      sending.isHeld = false;
    }
  deliverAll(to, way);
}

/// Of shards: weights are there when all that hold them have gathered them, and no more once they
/// are dropped. What is scattered nobody reads.
void Simulation::gather(int device, const Action &action, double time) {
  if (action.kind != Kind::S)
    ready[tensorKey(placement, {Tensor::Whole, action.stage, placement.firstOf(action.stage, action.microbatch)})] = -1;
  if (!isMeeting(action.kind))
    return;
  meetings.start(device, action.kind, action.stage, position[device], time);
  finishMeetings();
}

/// Whoever waits for what all have come to by now goes on.
void Simulation::finishMeetings() {
  for (Meetings::Done &done : meetings.take()) {
    for (size_t i = 0; i < done.time.devices.size(); ++i) {
      int member = done.time.devices[i];
      const Action &own = order[member][done.positions[i]];
      if (done.kind == Kind::U) {
        openSums[member] = {openSums[member].count - 1, done.time.end};
        turns.made(madeWeights(own));
        continue;
      }
      timing.arrival[member][done.positions[i]] = done.time.end;
      if (done.kind == Kind::S)
        continue;
      size_t key = tensorKey(placement, *effect(placement, own).makes.begin());
      ready[key] = done.time.end;
      turns.made(key);
    }
    (done.kind == Kind::A   ? timing.gathers
     : done.kind == Kind::S ? timing.scatters
                            : timing.sums)
        .push_back(std::move(done.time));
  }
}

/// Nobody else waits for these before the update has made them.
size_t Simulation::madeWeights(const Action &update) const {
  return tensorKey(placement, *effect(placement, update).makes.begin());
}

/// An update asks for its sums when it could start, and waits for them.
bool Simulation::waitForSums(int device, const Action &action, double &start) {
  const std::vector<int> &groups = sumsOf[action.stage];
  if (groups.empty())
    return false;
  if (askedFor[device] != position[device]) {
    askedFor[device] = position[device];
    openSums[device] = {groups.size(), 0};
    for (int group : groups)
      meetings.start(device, Kind::U, group, position[device], start);
    finishMeetings();
  }
  start = std::max(start, openSums[device].end);
  if (openSums[device].count == 0)
    return false;
  turns.waitFor(device, madeWeights(action));
  return true;
}

/// Whether something that must have been sent by now is still here.
bool Simulation::waitForSent(int device) {
  for (size_t key : sentBy[device]) {
    if (ready[key] < 0) {
      turns.waitFor(device, key + ready.size());
      return true;
    }
    free[device] = std::max(free[device], ready[key]);
  }
  sentBy[device].clear();
  return false;
}

/// An action has made its tensors by `time`: those that another device reads are there
/// after a message.
void Simulation::make(int device, const Action &action, double time) {
  timing.made[device].push_back(time);
  timing.arrival[device].push_back(time);
  if (isMove(action.kind))
    return meet(device, action, time);
  if (isOfShards(action.kind))
    return gather(device, action, time);
  int to = receiver(placement, action);
  for (const Tensor &tensor : effect(placement, action).makes) {
    size_t key = tensorKey(placement, tensor);
    if (travels(tensor.sort) && to >= 0) {
      send(to, {action, key, time, /*isHeld=*/false, device, position[device]});
      continue;
    }
    ready[key] = time;
    turns.made(key);
  }
}

/// How many actions a device begins at once.
size_t Simulation::stepSize(int device) const {
  return costs.overlapsPairs() && beginsPair(order[device], position[device]) ? 2 : 1;
}

/// Puts the start off until all that an action reads is there; false where that is not known.
bool Simulation::mayStart(int device, const Action &action, double &start) {
  bool isEmpty = action.kind == Kind::F && placement.hasEmptyForward(action.stage);
  if (!weights.empty() && !isEmpty)
    start = std::max(start, weights[device][action.stage]);
  for (const Tensor &tensor : effect(placement, action).reads) {
    size_t key = tensorKey(placement, tensor);
    if (ready[key] < 0) {
      turns.waitFor(device, key);
      return false;
    }
    if (travels(tensor.sort) || isMoved(tensor.sort) || tensor.sort == Tensor::Whole)
      start = std::max(start, ready[key]);
  }
  return true;
}

void Simulation::advance(int device) {
  const std::vector<Action> &list = order[device];
  for (size_t &at = position[device]; at < list.size();) {
    size_t first = at, behind = at + stepSize(device);
    if (waitForSent(device))
      return;
    double start = free[device];
    for (size_t i = first; i < behind; ++i)
      if (!mayStart(device, list[i], start))
        return;
    if (list[first].kind == Kind::U && waitForSums(device, list[first], start))
      return;
    double end = start + costs.timeAt(placement, list, first), made = end;
    if (splitsBackwards && list[first].kind == Kind::B && behind == first + 1) {
      const StageCost &stage = costs.stage(list[first].stage);
      made = start + stage.inputGradient;
      end = made + stage.weightGradient;
    }
    free[device] = end;
    timing.makespan = std::max(timing.makespan, end);
    for (; at < behind; ++at) {
      timing.start[device].push_back(start);
      timing.end[device].push_back(end);
      make(device, list[at], made);
    }
    if (isRun(list[first].kind))
      sentBy[device] = std::exchange(leaving[device], {});
  }
}

Tensor Simulation::tensorOf(size_t key) const {
  size_t runs = size_t(placement.stages()) * placement.microbatches(), index = key % runs;
  return {Tensor::Sort(key / runs), int(index / placement.microbatches()),
          int(index % placement.microbatches())};
}

/// The action that a tensor waits for: of a move the end that is not reached, and of what is
/// on its way the one that holds it up.
Action Simulation::missing(Tensor tensor) const {
  if (std::optional<Ways> way = wayOf(placement, tensor))
    if (auto found = ways.find({way->from, way->to}); found != ways.end())
      for (const Sending &sending : found->second)
        if (sending.tensor == tensorKey(placement, tensor))
          tensor = tensorOf(found->second.front().tensor);
  Action maker = makerOf(placement, tensor);
  if (isMoved(tensor.sort) && started[tensorKey(placement, tensor)])
    maker.kind = maker.kind == Kind::E ? Kind::K : Kind::L;
  return maker;
}

/// What a device that stands still waits for.
std::optional<Action> Simulation::awaited(int device) const {
  for (size_t key : sentBy[device])
    if (ready[key] < 0)
      return missing(tensorOf(key));
  for (size_t i = 0; i < stepSize(device); ++i)
    for (const Tensor &tensor : effect(placement, order[device][position[device] + i]).reads)
      if (ready[tensorKey(placement, tensor)] < 0)
        return missing(tensor);
  return {};
}

/// What a device is to begin.
std::string Simulation::stepText(int device) const {
  const Action *step = &order[device][position[device]];
  return stepSize(device) == 1 ? toString(step[0])
                               : "(" + toString(step[0]) + ";" + toString(step[1]) + ")";
}

/// Follows the waiting from device to device until one comes again.
std::string Simulation::blocked() const {
  int device = 0;
  while (position[device] == order[device].size())
    ++device;
  std::string text = "the order blocks:";
  std::vector<bool> seen(order.size());
  while (true) {
    text += " device " + std::to_string(device) + " at " + stepText(device);
    if (seen[device])
      return text;
    seen[device] = true;
    if (std::optional<Action> maker = awaited(device)) {
      text += " waits for " + toString(*maker);
      int member = maker->kind == Kind::A ? meetings.missingMember(device) : -1;
      if (maker->kind == Kind::A && member < 0)
        return text + ", which does not come before it";
      device = member < 0 ? placement.place(*maker) : member;
    } else if (int member = meetings.missingMember(device); member >= 0) {
      text += " waits for a sum with device " + std::to_string(member);
      device = member;
    }
    if (position[device] == order[device].size())
      return text + ", which device " + std::to_string(device) + " lacks";
    text += ",";
  }
}

ErrorOr<Timing> Simulation::run() {
  timing.start.resize(order.size());
  timing.end.resize(order.size());
  timing.made.resize(order.size());
  timing.arrival.resize(order.size());
  turns.run([&](int device) { advance(device); });
  for (size_t device = 0; device < order.size(); ++device)
    if (position[device] < order[device].size())
      return Error{blocked()};
  return std::move(timing);
}

ErrorOr<Timing> bitpipe::schedule::simulate(const Placement &placement,
                                            const Order &order,
                                            const Costs &costs,
                                            const AsExecuted &executed) {
  if (std::optional<Error> wrong = costs.check(placement))
    return *wrong;
  return Simulation(placement, order, costs, executed).run();
}
