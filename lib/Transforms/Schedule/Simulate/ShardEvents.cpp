//===- ShardEvents.cpp - When slices are gathered and scattered ------------===//

#include "lib/Transforms/Schedule/Simulate/ShardEvents.h"

#include <algorithm>
#include <utility>

using namespace bitpipe::schedule;

std::vector<Turn> bitpipe::schedule::turnsOf(const std::vector<Action> &list,
                                             const std::vector<double> &start,
                                             const std::vector<double> &end) {
  std::vector<Turn> result;
  for (size_t i = 0, next; i < list.size(); i = next) {
    next = i + 1 + list[i].overlapsNext;
    if (isRun(list[i].kind))
      result.push_back({i, next, start[i], end[next - 1]});
  }
  return result;
}

/// Of each turn the stages that it runs, and the next other one behind it.
static std::vector<std::vector<int>> neededBy(const ShardList &device) {
  const auto &[list, turns] = device;
  std::vector<std::vector<int>> result(turns.size());
  int next = -1, behind = -1; // the stage of the run behind, and of the next that is another one
  for (size_t t = turns.size(); t-- > 0;) {
    for (size_t i = turns[t].end; i-- > turns[t].begin;) {
      int stage = (*list)[i].stage;
      if (i + 1 == turns[t].end) {
        behind = next >= 0 && next != stage ? next : behind;
        result[t].push_back(behind);
      } else if (next != stage) {
        behind = next;
      }
      result[t].push_back(stage);
      next = stage;
    }
    std::ranges::reverse(result[t]);
    std::erase(result[t], -1);
  }
  return result;
}

namespace {
/// Weights that come and go with the turns of several devices.
class Gathers {
public:
  Gathers(const std::vector<ShardList> &devices, int stages, std::vector<ShardEvent> &events)
      : devices(devices), isHeld(stages), users(stages), needs(devices.size()), events(events) {}

  void find() {
    for (size_t d = 0; d < devices.size(); ++d)
      addChanges(d);
    std::ranges::stable_sort(changes, {}, &Change::time);
    for (size_t i = 0, end; i < changes.size(); i = end) {
      for (end = i; end < changes.size() && changes[end].time == changes[i].time; ++end)
        apply(changes[end], changes[i].time);
      dropOthers(changes[i].time);
      std::for_each(changes.begin() + i, changes.begin() + end,
                    [&](const Change &change) { gatherFor(change); });
    }
  }

private:
  /// What a device needs from a time on; nothing behind its last turn.
  struct Change {
    double time;
    size_t device;
    std::vector<int> needed;
  };

  void addChanges(size_t d) {
    std::vector<std::vector<int>> needed = neededBy(devices[d]);
    const std::vector<Turn> &turns = devices[d].turns;
    for (size_t t = 0; t < turns.size(); ++t)
      changes.push_back({turns[t].starts, d, std::move(needed[t])});
    if (!turns.empty())
      changes.push_back({turns.back().ends, d, {}});
  }

  /// Turns that take no time add up.
  void apply(const Change &change, double time) {
    auto &[since, stages] = needs[change.device];
    if (since < time)
      for (int stage : std::exchange(stages, {}))
        --users[stage];
    since = time;
    for (int stage : change.needed) {
      ++users[stage];
      stages.push_back(stage);
    }
  }

  void dropOthers(double time) {
    std::erase_if(held, [&](int stage) {
      if (users[stage] > 0)
        return false;
      isHeld[stage] = false;
      events.push_back({Kind::D, stage, time});
      return true;
    });
  }

  void gatherFor(const Change &change) {
    for (int stage : change.needed)
      if (!isHeld[stage]) {
        isHeld[stage] = true;
        held.push_back(stage);
        events.push_back({Kind::A, stage, change.time});
      }
  }

  struct Needs {
    double since = -1;
    std::vector<int> stages;
  };

  const std::vector<ShardList> &devices;
  std::vector<bool> isHeld; // by stage
  std::vector<int> users;   // likewise, how often it is needed
  std::vector<int> held;
  std::vector<Needs> needs; // by device
  std::vector<Change> changes;
  std::vector<ShardEvent> &events;
};
} // namespace

static void addScatters(const std::vector<ShardList> &devices, int stages,
                        std::vector<ShardEvent> &events) {
  std::vector<double> final(stages, -1);
  for (const auto &[list, turns] : devices)
    for (const Turn &turn : turns)
      for (size_t i = turn.begin; i < turn.end; ++i)
        if (makesWeightGradient((*list)[i].kind)) {
          double &time = final[(*list)[i].stage];
          time = std::max(time, turn.ends);
        }
  for (int stage = 0; stage < stages; ++stage)
    if (final[stage] >= 0)
      events.push_back({Kind::S, stage, final[stage]});
}

std::vector<ShardEvent> bitpipe::schedule::shardEvents(const std::vector<ShardList> &devices,
                                                       int stages, bool gathers,
                                                       bool scatters) {
  std::vector<ShardEvent> events;
  if (scatters)
    addScatters(devices, stages, events);
  if (gathers)
    Gathers(devices, stages, events).find();
  // A scatter is behind a run, and a gather before one: at one time it comes first.
  std::ranges::stable_sort(events, {}, &ShardEvent::time);
  return events;
}
