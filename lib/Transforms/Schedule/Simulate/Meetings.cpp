//===- Meetings.cpp - What devices do together within an iteration ----------===//

#include "lib/Transforms/Schedule/Simulate/Meetings.h"

#include <algorithm>
#include <utility>

using namespace bitpipe::schedule;

Meetings::Meetings(std::vector<Group> groups, int devices, const Costs &costs,
                   std::vector<double> begin)
    : costs(costs), groups(std::move(groups)), started(devices), free(std::move(begin)) {
  free.resize(devices);
}

bool Meetings::isNext(int device, Kind kind, int group) const {
  const std::deque<Started> &queue = started[device];
  return !queue.empty() && queue.front().kind == kind && queue.front().group == group;
}

void Meetings::start(int device, Kind kind, int group, size_t position, double time) {
  started[device].push_back({kind, group, position, time});
  std::vector<std::pair<Kind, int>> candidates{{kind, group}};
  while (!candidates.empty()) {
    auto [kind, group] = candidates.back();
    candidates.pop_back();
    const std::vector<int> &members = groups[group].devices;
    if (!std::ranges::all_of(members, [&](int member) { return isNext(member, kind, group); }))
      continue; // Comes again when it is next on another member.
    complete(kind, group);
    for (int member : members)
      if (!started[member].empty())
        candidates.push_back({started[member].front().kind, started[member].front().group});
  }
}

double Meetings::durationOf(Kind kind, const Group &group) const {
  size_t members = group.devices.size();
  if (members < 2)
    return 0;
  double sum = costs.sumOf(group.stages, members);
  switch (kind) {
  case Kind::U:
    return sum;
  case Kind::A:
    return 0.5 * costs.stage(group.stages.front()).gatherShare() * sum;
  default:
    return 0.5 * sum;
  }
}

void Meetings::complete(Kind kind, int index) {
  const Group &group = groups[index];
  Done one{kind, {index, group.stages, group.devices, 0, 0}, {}};
  for (int member : group.devices) {
    one.time.start = std::max({one.time.start, free[member], started[member].front().time});
    one.positions.push_back(started[member].front().position);
    started[member].pop_front();
  }
  one.time.end = one.time.start + durationOf(kind, group);
  for (int member : group.devices)
    free[member] = one.time.end;
  done.push_back(std::move(one));
}

std::vector<Meetings::Done> Meetings::take() { return std::exchange(done, {}); }

int Meetings::missingMember(int device) const {
  if (started[device].empty())
    return -1;
  const Started &first = started[device].front();
  for (int member : groups[first.group].devices)
    if (!isNext(member, first.kind, first.group))
      return member;
  return -1;
}
