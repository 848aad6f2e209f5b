//===- Balancer.cpp - Which activations move, and when ---------------------===//
//
// An activation is away between two runs of its device: it leaves during one, comes back
// during another, and counts as here during both. So moves go on beside runs, and what is
// evicted must have been saved by a run before the one that it leaves in, and is loaded in
// the run before its gradient. Where a run would pass the bound, of those that may be away
// by then the one is evicted whose gradient comes last. Each is then away as long as it can
// be, so that no choice needs fewer evictions: of intervals that end at fixed points the one
// that ends last covers most of what is to come.
//
// While a message goes on, both devices need room for it. Where the two together have room for
// one more than they hold, messages go one at a time: a load that would need an eviction beside
// another message waits for the run before its gradient to end instead, and is not hidden
// behind that. In 1F1B that is so where the last forward has run, and devices wait anyway.
//
// The partner's ends of a message stand where it is, by the simulation, when the evicting
// device comes to its own. A message is received where its sender is about to start, and
// given back beside the run that is under way when it has come, or, where that takes more
// room than there is, when it is asked for: then that run may be over too early, and its
// device waits. Where there would be no room yet, it is received later, but not after the
// sender is done with the run beside which it sends: so that nobody waits for what comes
// later in the simulation, and the order runs.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Simulate/Balancer.h"

#include "lib/Transforms/Schedule/Core/MemoryWalk.h"

#include <algorithm>
#include <set>

using namespace bitpipe::schedule;

namespace {
/// An action to be put before a unit.
struct Addition {
  size_t unit;
  double time;
  Action action;
};
} // namespace

constexpr double slack = balanceSlack;

Balancer::Balancer(const Schedule &schedule, const Costs &costs, const Costs &sizes,
                   const Timing &timing)
    : schedule(schedule), costs(costs), sizes(sizes), units(schedule.order.size()) {
  for (size_t device = 0; device < units.size(); ++device) {
    const std::vector<Action> &list = schedule.order[device];
    MemoryWalk walk(schedule.placement, sizes);
    double alive = 0;
    for (size_t i = 0; i < list.size(); ++i) {
      if (!endsPair(list, i))
        units[device].push_back({i, 0, alive});
      Unit &unit = units[device].back();
      MemoryChange change = walk.next(list[i]);
      unit.alive = std::max(unit.alive, alive += change.taken);
      unit.end = timing.end[device][i];
      alive -= change.freed;
    }
  }
}

double Balancer::peak(int device) const {
  double most = 0;
  for (const Unit &unit : units[device])
    most = std::max(most, unit.alive);
  return most;
}

std::vector<Activation> Balancer::activations(int device) const {
  const Placement &placement = schedule.placement;
  std::vector<size_t> made(size_t(placement.stages()) * placement.microbatches());
  std::vector<Activation> result;
  for (size_t u = 0; u < units[device].size(); ++u) {
    size_t end = u + 1 < units[device].size() ? units[device][u + 1].first
                                              : schedule.order[device].size();
    for (size_t i = units[device][u].first; i < end; ++i) {
      const Action &action = schedule.order[device][i];
      size_t index = size_t(action.stage) * placement.microbatches() + action.microbatch;
      if (action.kind == Kind::F)
        made[index] = u;
      if (makesInputGradient(action.kind) && !placement.recomputes(action.stage))
        result.push_back({action.stage, action.microbatch,
                          sizes.stage(action.stage).activation, made[index], u});
    }
  }
  return result;
}

std::optional<std::vector<Moved>> Balancer::evictions(int device, double most,
                                                      bool oneAtATime) const {
  std::vector<Activation> all = activations(device);
  size_t count = units[device].size();
  std::vector<std::vector<size_t>> madeBy(count); // of all
  for (size_t i = 0; i < all.size(); ++i)
    madeBy[all[i].made].push_back(i);
  std::set<std::pair<size_t, size_t>> present; // by the unit that reads
  std::vector<std::vector<size_t>> back(count + 1); // of the result, what comes back
  std::vector<bool> busy(count + 1);                // with a message
  std::vector<Moved> result;
  double away = 0;
  for (size_t u = 0; u < count; ++u) {
    for (size_t i : u < 2 ? std::vector<size_t>() : madeBy[u - 2])
      present.insert({all[i].read, i});
    for (size_t i : back[u])
      away -= result[i].activation.size;
    while (units[device][u].alive - away > most * (1 + slack)) {
      if (oneAtATime && u > 0 && busy[u - 1] && !back[u].empty()) {
        Moved &late = result[back[u].back()];
        if (late.load < late.activation.read) {
          ++late.load;
          away += late.activation.size;
          back[u + 1].push_back(back[u].back());
          back[u].pop_back();
          continue;
        }
      }
      // It must be away during this unit at least.
      if (present.empty() || present.rbegin()->first < u + 2)
        return {};
      auto [read, i] = *present.rbegin();
      present.erase({read, i});
      back[read - 1].push_back(result.size());
      result.push_back({all[i], u - 1, read - 1});
      away += all[i].size;
      busy[u - 1] = true;
    }
    busy[u] = busy[u] || !back[u].empty();
  }
  return result;
}

/// The first unit that ends later, or the end of the list.
size_t Balancer::unitEndingAfter(int device, double time) const {
  auto isOver = [](const Unit &unit, double time) { return unit.end <= time * (1 + slack); };
  return std::lower_bound(units[device].begin(), units[device].end(), time, isOver) -
         units[device].begin();
}

/// Puts the partner's ends of all messages; false where it would hold too much. With `waits`
/// it may wait for what it gives back to be sent.
bool Balancer::placeGuests(MovePlan &plan, double most, bool waits) const {
  auto [heavy, light] = plan.pair;
  size_t count = units[light].size();
  std::vector<double> held;
  for (const Unit &unit : units[light])
    held.push_back(unit.alive);
  held.push_back(0); // behind the last one
  size_t keep = 0;
  for (Moved &moved : plan.moved) {
    double size = moved.activation.size;
    Action given{Kind::G, false, moved.activation.stage, moved.activation.microbatch};
    double there = beginOf(heavy, moved.load);
    if (!waits)
      there += costs.message(light, heavy, given).total();
    moved.give = unitEndingAfter(light, there * (1 - 2 * slack));
    keep = std::max(keep, unitEndingAfter(light, beginOf(heavy, moved.evict)));
    double latest = units[heavy][moved.evict].end * (1 - slack);
    while (keep < moved.give && held[keep] + size > most * (1 + slack) &&
           units[light][keep].end < latest)
      ++keep;
    moved.keep = keep;
    moved.give = std::max(moved.give, keep);
    for (size_t u = keep; u <= std::min(moved.give, count); ++u)
      held[u] += size;
  }
  plan.light = *std::max_element(held.begin(), held.end());
  return plan.light <= most * (1 + slack);
}

std::optional<MovePlan> Balancer::plan(Partners pair, double most) const {
  for (bool oneAtATime : {false, true}) {
    std::optional<std::vector<Moved>> moved = evictions(pair.heavy, most, oneAtATime);
    if (!moved)
      continue;
    for (bool waits : {false, true}) {
      MovePlan plan{pair, *moved, std::min(most, peak(pair.heavy)), 0};
      if (placeGuests(plan, most, waits))
        return plan;
    }
  }
  return {};
}

/// The first that two devices can do with, of all amounts that either holds at some time.
std::optional<MovePlan> Balancer::bestPlan(Partners pair) const {
  std::set<double> amounts;
  for (int device : {pair.heavy, pair.light})
    for (const Unit &unit : units[device])
      amounts.insert(unit.alive);
  for (double most : amounts) {
    if (most >= peak(pair.heavy) * (1 - slack))
      break;
    if (most < peak(pair.light) * (1 - slack))
      continue;
    if (std::optional<MovePlan> found = plan(pair, most))
      return found;
  }
  return {};
}

/// The host starts its end of each copy together with its device.
std::optional<MovePlan> Balancer::planOnHost(int device, double most) const {
  for (bool oneAtATime : {false, true}) {
    std::optional<std::vector<Moved>> moved = evictions(device, most, oneAtATime);
    if (!moved)
      continue;
    for (Moved &one : *moved) {
      one.keep = one.evict;
      one.give = one.load;
    }
    return MovePlan{{device, device}, std::move(*moved), std::min(most, peak(device)), 0};
  }
  return {};
}

double Balancer::leastOnDevice(int device) const {
  std::set<double> amounts;
  for (const Unit &unit : units[device])
    amounts.insert(unit.alive);
  auto least = std::find_if(amounts.begin(), amounts.end(), [&](double most) {
    return most > 0 && planOnHost(device, most);
  });
  return least == amounts.end() ? peak(device) : *least;
}

/// Ends of messages between two devices come in one order on both.
static std::vector<Action> mergeAdditions(const std::vector<Action> &list,
                                          const std::vector<Unit> &units,
                                          std::vector<Addition> additions) {
  std::stable_sort(additions.begin(), additions.end(),
                   [](const Addition &a, const Addition &b) {
                     return std::pair(a.unit, a.time) < std::pair(b.unit, b.time);
                   });
  std::vector<Action> result;
  size_t next = 0;
  for (size_t u = 0; u <= units.size(); ++u) {
    for (; next < additions.size() && additions[next].unit == u; ++next)
      result.push_back(additions[next].action);
    size_t begin = u < units.size() ? units[u].first : list.size();
    size_t end = u + 1 < units.size() ? units[u + 1].first : list.size();
    result.insert(result.end(), list.begin() + begin, list.begin() + end);
  }
  return result;
}

void Balancer::apply(Schedule &result, const std::vector<MovePlan> &plans) const {
  const Placement &placement = schedule.placement;
  std::vector<int> keepers(size_t(placement.stages()) * placement.microbatches(), -1);
  std::vector<std::vector<Addition>> additions(units.size());
  for (const MovePlan &plan : plans) {
    auto [heavy, light] = plan.pair;
    for (const Moved &moved : plan.moved) {
      auto [stage, m, size, made, read] = moved.activation;
      keepers[size_t(stage) * placement.microbatches() + m] = light;
      double evicted = beginOf(heavy, moved.evict), loaded = beginOf(heavy, moved.load);
      additions[heavy].push_back({moved.evict, evicted, {Kind::E, false, stage, m}});
      additions[light].push_back({moved.keep, evicted, {Kind::K, false, stage, m}});
      additions[heavy].push_back({moved.load, loaded, {Kind::L, false, stage, m}});
      additions[light].push_back({moved.give, loaded, {Kind::G, false, stage, m}});
    }
  }
  Order order;
  for (size_t device = 0; device < units.size(); ++device)
    order.push_back(mergeAdditions(schedule.order[device], units[device],
                                   std::move(additions[device])));
  result.order = std::move(order);
  result.placement.setKeepers(std::move(keepers));
}
