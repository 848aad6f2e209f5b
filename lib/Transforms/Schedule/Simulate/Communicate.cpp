//===- Communicate.cpp - Messages and gradient sums of an order ------------===//
//
// A send follows the run that makes its tensor. Between two devices order is
// the tag, so receives are posted in the order of the sends; each as early as
// its message can be sent in the simulated iteration, which needs no more
// buffers than arriving takes. There whole backwards send when they do in a plan,
// before their weight gradients. Moves are ends of messages themselves and stand where
// the order has them. Sums for updates between micro-batches stand before these, which wait for
// them in the simulated iteration, too.
//
// Why this never blocks, even where a buffer is free for its next writer only
// when its message has left: a receive is posted no later than its send starts
// in the simulated iteration, so every dependency points forward in simulated
// time, and there is no cycle, whatever the real times are.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Simulate/Communicate.h"

#include "lib/Transforms/Schedule/Simulate/Simulate.h"

#include <algorithm>
#include <numeric>

using namespace bitpipe::schedule;

namespace {
/// A message on its way: what, and before which of the receiver's actions the
/// receive is posted. Of a move that action is the receive.
struct Message {
  Action made;
  int from, to;
  size_t post;
  bool isMove = false;
};

/// What is placed around the actions of one device: before[i] and after[i] the
/// i-th, after.back() at the end.
struct Additions {
  std::vector<std::vector<Instruction>> before, after;
};

class Communicator {
public:
  Communicator(const Schedule &schedule, const Timing &timing)
      : placement(schedule.placement), order(schedule.order), timing(timing),
        neededAt(tensorCount(placement)), additions(order.size()) {
    for (size_t device = 0; device < order.size(); ++device) {
      additions[device].before.resize(order[device].size() + 1);
      additions[device].after.resize(order[device].size() + 1);
    }
  }

  void addMessages();
  void addReductions(const std::vector<Group> &groups);
  void addSumsBetween(const std::vector<Group> &groups);
  std::vector<std::vector<Instruction>>
  assemble(const std::vector<Group> &groups) const;

private:
  bool isSummedInOrder(const Group &group) const {
    return placement.scatters() && group.stages.size() == 1;
  }
  void placeBetween(const Group &group, double final, std::vector<size_t> &places) const;
  void findReaders();
  std::vector<Message> messagesFrom(int device);
  void keepInTurn(std::vector<Message> &messages) const;

  const Placement &placement;
  const Order &order;
  const Timing &timing;
  /// By tensorKey, where on the device that receives it a tensor is first read; of one that
  /// moves where the order receives it.
  std::vector<size_t> neededAt;
  std::vector<Additions> additions;
};
} // namespace

/// Before a forward that has nothing to do its message is received as before any other.
void Communicator::findReaders() {
  Placement asAny = placement;
  asAny.setLossInGradient(false);
  for (const auto &list : order)
    for (size_t i = 0; i < list.size(); ++i) {
      bool receives = isMove(list[i].kind) && !sendsMove(list[i].kind);
      std::optional<Tensor> needed = receives
                                         ? *effect(placement, list[i]).makes.begin()
                                         : received(asAny, list[i]);
      if (needed)
        neededAt[tensorKey(placement, *needed)] = i;
    }
}

/// The messages of one device in the order of their sends. A receive may be
/// posted before the action during which its message arrives, and must be
/// posted before the action that reads it.
std::vector<Message> Communicator::messagesFrom(int device) {
  std::vector<Message> result;
  const std::vector<Action> &list = order[device];
  for (size_t i = 0; i < list.size(); ++i) {
    std::optional<Tensor> tensor = sent(placement, list[i]);
    int to = receiver(placement, list[i]);
    if (to < 0)
      continue;
    size_t needed = neededAt[tensorKey(placement, *tensor)];
    if (isMove(list[i].kind)) {
      result.push_back({list[i], device, to, needed, /*isMove=*/true});
      continue;
    }
    Kind kind = tensor->sort == Tensor::Gradient ? Kind::B : Kind::F;
    Action made{kind, false, tensor->stage, tensor->microbatch};
    additions[device].after[i].push_back(Instruction::send(made, to));
    const std::vector<double> &ends = timing.end[to];
    size_t arrival = std::upper_bound(ends.begin(), ends.end(),
                                      timing.made[device][i]) -
                     ends.begin();
    result.push_back({made, device, to, std::min(arrival, needed)});
  }
  return result;
}

/// A receive is posted behind those of all moves that are sent earlier, and before those
/// of all messages that are sent later.
void Communicator::keepInTurn(std::vector<Message> &messages) const {
  std::vector<size_t> earliest(order.size(), 0), latest(order.size(), SIZE_MAX);
  for (Message &message : messages) {
    size_t &limit = earliest[message.to];
    if (message.isMove)
      limit = message.post + 1;
    else
      message.post = std::max(message.post, limit);
  }
  for (size_t i = messages.size(); i-- > 0;) {
    size_t &limit = latest[messages[i].to];
    if (!messages[i].isMove)
      messages[i].post = std::min(messages[i].post, limit);
    limit = messages[i].post;
  }
}

void Communicator::addMessages() {
  findReaders();
  for (int device = 0; device < int(order.size()); ++device) {
    std::vector<Message> messages = messagesFrom(device);
    keepInTurn(messages);
    for (const Message &message : messages)
      if (!message.isMove)
        additions[message.to].before[message.post].push_back(
          Instruction::recv(message.made, message.from));
  }
}

/// Where sums are actions of the order, those of parameters that stages share come behind all
/// that has ended when their gradients are final: then no memory that an action frees waits for
/// a sum whose gradients come later. In the same place in all replicas, whose orders are one; with
/// several routes to a replica, whose devices come to the same scatter in different runs, behind all.
void Communicator::placeBetween(const Group &group, double final,
                                std::vector<size_t> &places) const {
  size_t own = order.size() / placement.replicas();
  std::vector<size_t> least(own);
  bool isOneRoute = int(placement.routes().size()) == placement.replicas();
  for (size_t device = 0; device < order.size(); ++device) {
    const std::vector<double> &ends = timing.end[device];
    size_t ended = isOneRoute ? std::upper_bound(ends.begin(), ends.end(), final) - ends.begin()
                              : ends.size();
    least[device % own] = std::max(least[device % own], ended);
  }
  for (int device : group.devices)
    places[device] = std::max(places[device], least[device % own]);
}

/// All devices sum in the order in which the groups' gradients become final,
/// so that no sum waits for one that could have come later.
void Communicator::addReductions(const std::vector<Group> &groups) {
  size_t devices = order.size();
  // Per device and stage, the first position after the last weight gradient.
  std::vector<std::vector<size_t>> done(
      devices, std::vector<size_t>(placement.stages(), 0));
  for (size_t device = 0; device < devices; ++device)
    for (size_t i = 0; i < order[device].size(); ++i)
      if (makesWeightGradient(order[device][i].kind))
        done[device][order[device][i].stage] = i + 1;

  auto position = [&](const Group &group, int device) {
    size_t last = 0;
    for (int stage : group.stages)
      last = std::max(last, done[device][stage]);
    return last;
  };
  std::vector<double> final(groups.size());
  for (size_t g = 0; g < groups.size(); ++g)
    for (int device : groups[g].devices)
      if (size_t last = position(groups[g], device))
        final[g] = std::max(final[g], timing.end[device][last - 1]);
  std::vector<int> sequence(groups.size());
  std::iota(sequence.begin(), sequence.end(), 0);
  std::sort(sequence.begin(), sequence.end(),
                   [&](int a, int b) { 
                     return std::pair(final[a], -a) < std::pair(final[b], -b);
                   });

  std::vector<size_t> previous(devices, 0);
  for (int g : sequence) {
    if (groups[g].devices.size() < 2 || isSummedInOrder(groups[g]))
      continue;
    if (placement.scatters())
      placeBetween(groups[g], final[g], previous);
    for (int device : groups[g].devices) {
      size_t &at = previous[device];
      at = std::max(at, position(groups[g], device));
      auto &place = at ? additions[device].after[at - 1]
                       : additions[device].before[0];
      place.push_back(Instruction::reduce(g));
    }
  }
}

/// Each update of what several devices hold has its sums just before it.
void Communicator::addSumsBetween(const std::vector<Group> &groups) {
  std::vector<std::vector<int>> ofStage(placement.stages());
  for (size_t g = 0; g < groups.size(); ++g)
    for (int stage : groups[g].stages)
      if (groups[g].devices.size() > 1)
        ofStage[stage].push_back(int(g));
  for (size_t device = 0; device < order.size(); ++device)
    for (size_t i = 0; i < order[device].size(); ++i)
      if (order[device][i].kind == Kind::U)
        for (int group : ofStage[order[device][i].stage])
          additions[device].before[i].push_back(Instruction::reduce(group));
}

std::vector<std::vector<Instruction>>
Communicator::assemble(const std::vector<Group> &groups) const {
  std::vector<std::vector<Instruction>> result(order.size());
  for (size_t device = 0; device < order.size(); ++device) {
    auto append = [&](const std::vector<Instruction> &added) {
      result[device].insert(result[device].end(), added.begin(), added.end());
    };
    for (size_t i = 0; i < order[device].size(); ++i) {
      append(additions[device].before[i]);
      result[device].push_back(instructionOf(placement, order[device][i]));
      append(additions[device].after[i]);
    }
    append(additions[device].before.back());
  }
  for (size_t g = 0; g < groups.size() && !placement.updates(); ++g)
    for (int device : groups[g].devices) {
      result[device].push_back(Instruction::update(int(g)));
      bool isGathered = placement.gathers() && groups[g].stages.size() == 1;
      if (placement.shard() != Shard::None && groups[g].devices.size() > 1 && !isGathered)
        result[device].push_back(Instruction::unshard(int(g)));
    }
  return result;
}

ErrorOr<Program>
bitpipe::schedule::communicate(const Schedule &schedule,
                               const std::vector<std::vector<int>> &ties,
                               const Costs &costs) {
  if (std::optional<Error> wrong = checkShardable(schedule.placement))
    return *wrong;
  ErrorOr<std::vector<Group>> groups = makeGroups(schedule.placement, ties);
  if (!groups)
    return groups.error();
  if (std::optional<Error> wrong = checkHolders(schedule.placement, *groups))
    return *wrong;
  AsExecuted executed{.splitsBackwards = true, .groups = *groups};
  ErrorOr<Timing> timing = simulate(schedule.placement, schedule.order, costs, executed);
  if (!timing)
    return timing.error();
  Communicator communicator(schedule, *timing);
  communicator.addMessages();
  if (schedule.placement.updates())
    communicator.addSumsBetween(*groups);
  else
    communicator.addReductions(*groups);
  Program program{schedule.placement, *groups, communicator.assemble(*groups), {}};
  mapChannels(program);
  return program;
}
