//===- Meetings.cpp - When slices are gathered and scattered ----------------===//

#include "lib/Transforms/Schedule/Simulate/Meetings.h"

#include <algorithm>
#include <utility>

using namespace bitpipe::schedule;

Meetings::Meetings(const Placement &placement, const Costs &costs, std::vector<double> begin)
    : costs(costs), started(placement.devices()), free(std::move(begin)) {
  free.resize(placement.devices());
  for (int stage = 0; stage < placement.stages(); ++stage)
    holders.push_back(placement.holders(stage));
}

bool Meetings::isNext(int device, Kind kind, int stage) const {
  const std::deque<Started> &queue = started[device];
  return !queue.empty() && queue.front().kind == kind && queue.front().stage == stage;
}

void Meetings::start(int device, const Action &action, size_t position, double time) {
  started[device].push_back({action.kind, action.stage, position, time});
  std::vector<std::pair<Kind, int>> candidates{{action.kind, action.stage}};
  while (!candidates.empty()) {
    auto [kind, stage] = candidates.back();
    candidates.pop_back();
    if (!std::ranges::all_of(holders[stage], [&](int member) { return isNext(member, kind, stage); }))
      continue; // Comes again when it is next on another member.
    complete(kind, stage);
    for (int member : holders[stage])
      if (!started[member].empty())
        candidates.push_back({started[member].front().kind, started[member].front().stage});
  }
}

void Meetings::complete(Kind kind, int stage) {
  Done one{kind, {stage, {stage}, holders[stage], 0, 0}, {}};
  for (int member : holders[stage]) {
    one.time.start = std::max({one.time.start, free[member], started[member].front().time});
    one.positions.push_back(started[member].front().position);
    started[member].pop_front();
  }
  size_t members = holders[stage].size();
  double share = kind == Kind::A ? costs.stage(stage).gatherShare() : 1;
  one.time.end = one.time.start + (members > 1 ? 0.5 * share * costs.sumOf({stage}, members) : 0);
  for (int member : holders[stage])
    free[member] = one.time.end;
  done.push_back(std::move(one));
}

std::vector<Meetings::Done> Meetings::take() { return std::exchange(done, {}); }

int Meetings::missingMember(int device) const {
  if (started[device].empty())
    return -1;
  const Started &first = started[device].front();
  for (int member : holders[first.stage])
    if (!isNext(member, first.kind, first.stage))
      return member;
  return -1;
}
