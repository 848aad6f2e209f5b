//===- second-simulation.h - Another way to time a schedule ------*- C++ -*-===//

#ifndef BITPIPE_TEST_UNIT_SECOND_SIMULATION_H
#define BITPIPE_TEST_UNIT_SECOND_SIMULATION_H

#include "lib/Transforms/Schedule/Core/Costs.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace bitpipe::schedule {

/// Ends of all actions by following dependencies backwards, one action at a
/// time: the opposite of the simulation, which goes forward in time.
class SecondSimulation {
public:
  SecondSimulation(const Schedule &schedule, const Costs &costs)
      : schedule(schedule), costs(costs) {
    for (size_t device = 0; device < schedule.order.size(); ++device)
      for (size_t i = 0; i < schedule.order[device].size(); ++i)
        where[name(schedule.order[device][i])] = {device, i};
    for (size_t device = 0; device < schedule.order.size(); ++device)
      for (size_t i = 0; i < schedule.order[device].size(); ++i)
        if (const Action &action = schedule.order[device][i]; action.kind == Kind::U)
          together[groupOf(action)].push_back({device, i});
  }

  double makespan() {
    double last = 0;
    // In the order of the lists, so that the recursion stays shallow.
    size_t longest = 0;
    for (const auto &list : schedule.order)
      longest = std::max(longest, list.size());
    for (size_t i = 0; i < longest; ++i)
      for (size_t device = 0; device < schedule.order.size(); ++device)
        if (i < schedule.order[device].size())
          last = std::max(last, end(device, i));
    return last;
  }

private:
  using Name = std::tuple<char, int, int>;
  static Name name(const Action &action) {
    char kind = action.kind == Kind::I ? 'B' : letterOf(action.kind);
    return {kind, action.stage, action.microbatch};
  }
  static Name other(char kind, const Action &action) {
    return {kind, action.stage, action.microbatch};
  }
  /// When what an E or G sends is there.
  double moved(Name send) {
    auto [from, i] = where.at(send);
    size_t to = reader(schedule.order[from][i]);
    return transferred(from, to, i) + way(from, to).latency;
  }
  /// What a device began to send between its last two runs has gone before it goes on.
  double allSent(size_t device, size_t i) {
    const std::vector<Action> &list = schedule.order[device];
    double time = 0;
    if (i == 0 || isMove(list[i - 1].kind))
      return time;
    for (size_t before = i - (isSecond(device, i - 1) ? 2 : 1); before-- > 0;) {
      char kind = letterOf(list[before].kind);
      if (kind == 'E' || kind == 'G')
        time = std::max(time, moved(name(list[before])));
      else if (kind != 'K' && kind != 'L')
        break;
    }
    return time;
  }
  double arrival(size_t device, Name needed) {
    auto [from, i] = where.at(needed);
    if (from == device)
      return end(from, i);
    return transferred(from, device, i) + way(from, device).latency;
  }
  Link way(size_t from, size_t to) const {
    if (from == to)
      return costs.host;
    return costs.links.empty() ? costs.link : costs.links[from][to];
  }
  /// Where what an action makes is read, or moves to.
  size_t reader(const Action &action) const {
    if (action.kind == Kind::E || action.kind == Kind::L)
      return action.kind == Kind::E ? where.at(other('K', action)).first
                                    : where.at(name(action)).first;
    if (action.kind == Kind::K || action.kind == Kind::G)
      return action.kind == Kind::G ? where.at(other('L', action)).first
                                    : where.at(name(action)).first;
    int stage = action.stage + (action.kind == Kind::F ? 1 : -1);
    bool isRead = action.kind != Kind::W && action.kind != Kind::R &&
                  action.kind != Kind::U && stage >= 0 &&
                  stage < schedule.placement.stages();
    return schedule.placement.device(isRead ? stage : action.stage,
                                     action.microbatch);
  }
  /// When the link is done with the message: it begins with that when the
  /// action is done and the link with the message before.
  double transferred(size_t from, size_t to, size_t i) {
    auto [it, isNew] = transfers.try_emplace({from, i}, 0);
    if (!isNew)
      return it->second;
    const std::vector<Action> &list = schedule.order[from];
    double start = end(from, i);
    char kind = letterOf(list[i].kind);
    if (kind == 'E' || kind == 'G') {
      auto [there, k] = where.at(other(kind == 'E' ? 'K' : 'L', list[i]));
      start = std::max(start, end(there, k));
    }
    for (size_t before = i; before-- > 0;)
      if (reader(list[before]) == to && (from != to || sendsMove(list[before].kind))) {
        start = std::max(start, transferred(from, to, before));
        break;
      }
    // Between stages s and s + 1 everything is as large as the output of s.
    int boundary = list[i].stage - (list[i].kind == Kind::F ? 0 : 1);
    bool moves = kind == 'E' || kind == 'G';
    const StageCost &stage =
        costs.stages[costs.stages.size() > 1 ? (moves ? list[i].stage : boundary) : 0];
    double size = moves ? stage.activation : stage.message;
    return transfers[{from, i}] = start + size * way(from, to).transfer;
  }
  bool overlaps(size_t device, size_t i) const {
    return costs.stages.front().pair >= 0 && schedule.order[device][i].overlapsNext;
  }
  bool isSecond(size_t device, size_t i) const { return i > 0 && overlaps(device, i - 1); }
  /// The last stage's forward, where that recomputes and has its loss in the gradient.
  bool isEmptyAt(int stage) const {
    const Placement &placement = schedule.placement;
    return placement.lossInGradient() && stage == placement.stages() - 1 &&
           placement.recomputedStages()[stage];
  }
  bool isIdle(const Action &action) const {
    return action.kind == Kind::F && isEmptyAt(action.stage);
  }
  double end(size_t device, size_t i) {
    auto [it, isNew] = ends.try_emplace({device, i}, 0);
    if (!isNew)
      return it->second;
    if (isSecond(device, i))
      return ends[{device, i}] = end(device, i - 1);
    const Action &action = schedule.order[device][i];
    double start = std::max(allThere(device, i),
                            i ? std::max(end(device, i - 1), allSent(device, i)) : 0);
    double time = isIdle(action) ? 0 : costs.time(action);
    if (overlaps(device, i)) {
      start = std::max(start, allThere(device, i + 1));
      const Action &next = schedule.order[device][i + 1];
      double other = isIdle(next) ? 0 : costs.time(next);
      double shares = time * costs.stage(action.stage).pair + other * costs.stage(next.stage).pair;
      time = std::max(std::max(time, other), shares);
    }
    return ends[{device, i}] = start + time;
  }
  /// When all that an action reads of other stages is there.
  double allThere(size_t device, size_t i) {
    auto [kind, stage, m] = name(schedule.order[device][i]);
    double start = 0;
    int last = schedule.placement.stages() - 1;
    if (kind == (isEmptyAt(stage) ? 'R' : 'F') && stage > 0)
      start = std::max(start, arrival(device, {'F', stage - 1, m}));
    if (kind == 'B' && stage < last)
      start = std::max(start, arrival(device, {'B', stage + 1, m}));
    if (kind == 'G')
      start = std::max(start, moved({'E', stage, m}));
    if (kind == 'B' && where.count({'G', stage, m}))
      start = std::max(start, moved({'G', stage, m}));
    if (kind == 'U')
      start = std::max(start, summed(schedule.order[device][i]));
    return start;
  }
  std::pair<int, int> groupOf(const Action &update) const {
    return {update.stage, update.microbatch / schedule.placement.updates().every};
  }
  /// When the sum that an update waits for is done, if several devices hold the stage: it begins
  /// when all have come to the update.
  double summed(const Action &update) {
    const auto &members = together.at(groupOf(update));
    double start = 0;
    if (members.size() < 2)
      return start;
    for (auto [device, i] : members)
      start = std::max(start, i ? end(device, i - 1) : 0);
    return start + costs.sumOf({update.stage}, members.size());
  }

  const Schedule &schedule;
  const Costs &costs;
  std::map<Name, std::pair<size_t, size_t>> where;
  std::map<std::pair<int, int>, std::vector<std::pair<size_t, size_t>>> together; // updates
  std::map<std::pair<size_t, size_t>, double> ends, transfers;
};

} // namespace bitpipe::schedule

#endif // BITPIPE_TEST_UNIT_SECOND_SIMULATION_H
