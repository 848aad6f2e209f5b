//===- Meetings.cpp - What devices do together within an iteration ----------===//

#include "lib/Transforms/Schedule/Simulate/Meetings.h"

#include <algorithm>
#include <utility>

using namespace bitpipe::schedule;

Meetings::Meetings(std::vector<Group> groups, int devices, const Costs &costs,
                   std::vector<double> begin)
    : costs(costs), groups(std::move(groups)), queue(devices), free(std::move(begin)) {
  free.resize(devices);
}

void Meetings::start(int device, Kind kind, int group, size_t position, double time) {
  queue.start(device, {kind, group, position, time}, membersOf(),
                 [&](const Started &one) { complete(one.kind, one.group); });
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
    const Started &own = *queue.first(member);
    one.time.start = std::max({one.time.start, free[member], own.time});
    one.positions.push_back(own.position);
  }
  one.time.end = one.time.start + durationOf(kind, group);
  for (int member : group.devices)
    free[member] = one.time.end;
  done.push_back(std::move(one));
}

std::vector<Meetings::Done> Meetings::take() { return std::exchange(done, {}); }

int Meetings::missingMember(int device) const {
  return queue.missingMember(device, membersOf());
}
