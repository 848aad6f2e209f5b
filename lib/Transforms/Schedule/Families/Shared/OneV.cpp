//===- OneV.cpp - Placement and orders of one V ----------------------------===//

#include "lib/Transforms/Schedule/Families/Shared/OneV.h"

#include "lib/Transforms/Schedule/Core/Routes.h"

#include <algorithm>
#include <deque>

using namespace bitpipe::schedule;

ErrorOr<Placement> bitpipe::schedule::placeOneV(const Request &request) {
  return oneWay(request.devices, request.microbatches,
                wave(request.devices, 2));
}

VTimes bitpipe::schedule::withoutWaiting(int devices, int rank,
                                         int microbatch) {
  // So many micro-batches come down before the first one comes up.
  int alone = 2 * (devices - 1 - rank) + 1;
  return {rank + microbatch + std::max(0, microbatch + 1 - alone),
          2 * devices - 1 - rank + 2 * microbatch,
          2 * devices + rank + 2 * microbatch,
          4 * devices - 1 - rank + 2 * microbatch};
}

std::vector<Action>
bitpipe::schedule::listByTime(int devices, int rank,
                              const std::vector<VTimes> &times) {
  int down = rank, up = 2 * devices - 1 - rank;
  std::vector<std::pair<int, Action>> starts;
  for (int m = 0; m < int(times.size()); ++m) {
    starts.push_back({times[m].downForward, {Kind::F, false, down, m}});
    starts.push_back({times[m].upForward, {Kind::F, false, up, m}});
    starts.push_back({times[m].upInput, {Kind::I, false, up, m}});
    starts.push_back({times[m].downInput, {Kind::I, false, down, m}});
  }
  std::stable_sort(starts.begin(), starts.end(), [](auto &one, auto &other) {
    return one.first < other.first;
  });
  std::vector<Action> list;
  std::deque<Action> waiting;
  auto weight = [&] {
    list.push_back(waiting.front());
    list.back().kind = Kind::W;
    waiting.pop_front();
  };
  int now = 0;
  for (auto [time, action] : starts) {
    for (; now < time && !waiting.empty(); ++now)
      weight();
    list.push_back(action);
    now = std::max(now, time) + 1;
    if (action.kind == Kind::I)
      waiting.push_back(action);
  }
  while (!waiting.empty())
    weight();
  return list;
}

std::vector<Action> bitpipe::schedule::shortList(int devices, int rank,
                                                 int count) {
  std::vector<VTimes> times;
  for (int m = 0; m < count; ++m)
    times.push_back(withoutWaiting(devices, rank, m));
  return listByTime(devices, rank, times);
}
