//===- Starts.cpp - Orders to begin a search with --------------------------===//

#include "lib/Transforms/Schedule/Search/Starts.h"

#include "lib/Transforms/Schedule/Search/Groupings.h"
#include "lib/Transforms/Schedule/Search/Justify.h"
#include "lib/Transforms/Schedule/Search/PriorityScheduler.h"

#include <algorithm>
#include <limits>

using namespace bitpipe::schedule;

/// Of each sort so many are kept. Many are made for so many actions in all, each given
/// up after so many passes that gained nothing.
static constexpr size_t mostAlike = 5, mostActions = 2'000'000, patience = 10;
/// Groups are scheduled without waiting in a pass or two or not at all: rather others.
static constexpr size_t groupPatience = 4;

Starts::Starts(const Problem &problem)
    : problem(problem), lowest(lowerBound(problem) * (1 + 1e-9)), random(1) {}

void Starts::offer(Order order, Start::How how) {
  double end = makespanOf(problem, order);
  if (end == std::numeric_limits<double>::infinity())
    return;
  auto at = std::find_if(starts.begin(), starts.end(), [&](const Start &other) {
    return end <= other.makespan;
  });
  if (at != starts.end() && at->makespan == end && at->order == order)
    return;
  starts.insert(at, {how, end, std::move(order)});
  size_t alike = 0;
  std::erase_if(starts, [&](const Start &start) {
    return start.how == how && ++alike > mostAlike;
  });
}

/// How many orders may be made for so many actions, at least a few.
size_t Starts::affordable(size_t actions, size_t most) const {
  size_t each = size_t(problem.placement.stages()) * problem.placement.microbatches() *
                (problem.split ? 3 : 2);
  return std::clamp<size_t>(actions / each, 6, most);
}

void Starts::offerWaves() {
  if (problem.split) {
    std::mt19937_64 own(1);
    offer(justify(problem, forwardsFirst(problem), patience, own).order, Start::Wave);
  }
  size_t tries = affordable(mostActions, 1000);
  for (size_t used = 0; used < tries && !isDone();) {
    Found found = justify(problem, drawWave(problem, random), patience, random);
    offer(std::move(found.order), Start::Wave);
    used += found.tries;
  }
}

void Starts::offerGroups() {
  // Where there is more memory than groups need, other orders idle less.
  double enough = 2 * problem.placement.devices() * problem.activation * (1 + 1e-9);
  if (!hasGroups(problem) || problem.limit(0) > enough)
    return;
  Groupings groupings(problem);
  size_t tries = affordable(30 * mostActions, 10'000);
  Groups best = groupings.plain();
  double shortest = std::numeric_limits<double>::infinity();
  for (size_t used = 0; used < tries && !isDone();) {
    Groups groups = used == 0       ? best
                    : random() % 4 ? groupings.drawNear(best, random)
                                    : groupings.draw(random);
    Found found =
        justify(problem, {groupWave(problem, groups), 0}, groupPatience, random);
    if (found.makespan <= shortest) {
      shortest = found.makespan;
      best = groups;
    }
    offer(std::move(found.order), Start::Groups);
    used += found.tries;
  }
}

/// The timetable of groups; what comes next by it is awaited, so that they keep their shape.
static Wave plainGroups(const Problem &problem) {
  return {groupWave(problem, Groupings(problem).plain()), 0, longestWait(problem)};
}

/// With whole backwards alone, and not of two groups, which are all fill and drain.
static bool hasTimetable(const Problem &problem) {
  return hasGroups(problem) &&
         problem.placement.microbatches() >= 3 * problem.placement.devices();
}

void Starts::offerTimetable() {
  if (hasTimetable(problem))
    offer(justify(problem, plainGroups(problem), patience, random).order, Start::Groups);
}

/// Weight gradients right behind their input gradients.
static Order apart(const Order &whole) {
  Order order(whole.size());
  for (size_t device = 0; device < whole.size(); ++device)
    for (Action action : whole[device]) {
      bool isBackward = action.kind == Kind::B;
      action.kind = isBackward ? Kind::I : action.kind;
      order[device].push_back(action);
      if (isBackward)
        order[device].push_back({Kind::W, false, action.stage, action.microbatch});
    }
  return order;
}

/// Groups need no more than 2D activations, and more would only lead astray.
static Problem forGroups(Problem problem) {
  bool isSplit = problem.split;
  problem.split = false;
  problem.costs = problem.costs.withoutMessages();
  double activation = 0;
  for (StageCost &cost : problem.costs.stages) {
    activation = std::max(activation, cost.activation);
    if (isSplit)
      cost.backward = cost.inputGradient + cost.weightGradient;
  }
  std::vector<double> memory;
  for (int device = 0; device < problem.placement.devices(); ++device)
    memory.push_back(std::min(2 * problem.placement.devices() * activation,
                              problem.limit(device)));
  problem.memory = std::move(memory);
  return problem;
}

std::optional<Order>
bitpipe::schedule::groupsWithMessages(const Problem &problem) {
  Problem simpler = forGroups(problem);
  if (!hasGroups(simpler) || simpler.check())
    return {};
  Starts starts(simpler);
  starts.offerGroups();
  if (starts.all().empty())
    return {};
  const Order &order = starts.shortest().order;
  if (!hasTimetable(problem))
    return problem.split ? apart(order) : order;
  Wave wave = plainGroups(problem);
  Pass pass = scheduleForward(problem, wave.priorities, 0, wave.wait);
  bool isShorter = pass.complete && pass.makespan < makespanOf(problem, order);
  return isShorter ? orderOf(problem, pass) : order;
}
