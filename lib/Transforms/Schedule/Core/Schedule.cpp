//===- Schedule.cpp - Placements from routes and from orders ---------------===//

#include "lib/Transforms/Schedule/Core/Schedule.h"

#include "lib/Transforms/Schedule/Core/Limits.h"

#include <algorithm>
#include <map>

using namespace bitpipe::schedule;

constexpr const char *shardNames[] = {"none", "optimizer", "gradients", "parameters"};

const char *bitpipe::schedule::nameOf(Shard shard) { return shardNames[int(shard)]; }

std::optional<Shard> bitpipe::schedule::shardNamed(std::string_view name) {
  auto found = std::ranges::find(shardNames, name);
  if (found == std::end(shardNames))
    return {};
  return Shard(found - std::begin(shardNames));
}

/// PyTorch's names.
static std::string textOfShards(const Action &action) {
  return std::to_string(action.stage) + (action.kind == Kind::A   ? "UNSHARD"
                                         : action.kind == Kind::D ? "RESHARD"
                                                                  : "REDUCE_GRAD");
}

std::string bitpipe::schedule::toString(const Action &action) {
  if (isOfShards(action.kind))
    return textOfShards(action);
  std::string text = std::to_string(action.stage) + letterOf(action.kind) +
                     std::to_string(action.microbatch);
  return action.kind == Kind::U ? text + "V" + std::to_string(action.versions) : text;
}

/// Whether a route is another one, moved on by so many devices and micro-batches.
static bool isMoved(const Route &route, const Route &from, int devices,
                    int microbatches) {
  auto isBehind = [](int distance) {
    return [distance](int got, int start) { return got == start + distance; };
  };
  return std::ranges::equal(route.devices, from.devices, isBehind(devices)) &&
         std::ranges::equal(route.microbatches, from.microbatches,
                            isBehind(microbatches));
}

/// Whether so many equal parts of the routes follow each other, with micro-batches so far apart.
static bool consistsOf(int replicas, const std::vector<Route> &routes,
                       int devices, int apart) {
  if (devices % replicas || routes.size() % replicas)
    return false;
  size_t own = routes.size() / replicas;
  for (size_t i = own; i < routes.size(); ++i)
    if (!isMoved(routes[i], routes[i - own], devices / replicas, apart))
      return false;
  // Those of the first one are its own devices.
  for (size_t i = 0; i < own; ++i)
    for (int device : routes[i].devices)
      if (device >= devices / replicas)
        return false;
  return true;
}

/// The most equal parts that there are, whose micro-batches follow each other or take turns.
static int replicasOf(const std::vector<Route> &routes, int devices, int count, bool takeTurns) {
  int most = int(std::min({routes.size(), size_t(devices), size_t(count)}));
  for (int replicas = most; replicas > 1; --replicas)
    if (count % replicas == 0 &&
        consistsOf(replicas, routes, devices, takeTurns ? 1 : count / replicas))
      return replicas;
  return 1;
}

ErrorOr<Placement> Placement::make(int devices, std::vector<Route> routes) {
  if (routes.empty() || routes.front().devices.empty())
    return Error{"no route, expected at least one with one stage"};
  size_t stages = routes.front().devices.size(), count = 0;
  for (const Route &route : routes)
    count += route.microbatches.size();
  if (count == 0)
    return Error{"0 micro-batches, expected at least 1"};
  if (std::optional<Error> wrong =
          checkSize(devices, int64_t(stages), int64_t(count)))
    return *wrong;

  Placement result;
  result.deviceCount = devices;
  result.routeOf.assign(count, -1);
  for (size_t i = 0; i < routes.size(); ++i) {
    std::string which = "route " + std::to_string(i);
    if (routes[i].devices.size() != stages)
      return Error{which + " has " + std::to_string(routes[i].devices.size()) +
                   " stages, expected " + std::to_string(stages) +
                   " as in route 0"};
    for (int device : routes[i].devices)
      if (device < 0 || device >= devices)
        return Error{which + " names device " + std::to_string(device) +
                     ", expected 0 to " + std::to_string(devices - 1)};
    for (int microbatch : routes[i].microbatches) {
      if (microbatch < 0 || size_t(microbatch) >= count)
        return Error{which + " names micro-batch " +
                     std::to_string(microbatch) + ", expected 0 to " +
                     std::to_string(count - 1) + ", each once"};
      if (result.routeOf[microbatch] >= 0)
        return Error{"micro-batch " + std::to_string(microbatch) +
                     " is in route " +
                     std::to_string(result.routeOf[microbatch]) + " and in " +
                     which + ", expected one"};
      result.routeOf[microbatch] = int(i);
    }
  }
  result.routeList = std::move(routes);
  result.replicaCount = replicasOf(result.routeList, devices, int(count), /*takeTurns=*/false);
  return result;
}

void Placement::setUpdates(Updates updates) {
  updated = std::move(updates);
  replicaCount = replicasOf(routeList, deviceCount, microbatches(), bool(updated));
  findRows();
}

std::vector<int> Placement::holders(int stage) const {
  std::vector<int> result;
  for (const Route &route : routeList)
    result.push_back(route.devices[stage]);
  std::sort(result.begin(), result.end());
  result.erase(std::unique(result.begin(), result.end()), result.end());
  return result;
}

std::vector<bool> Placement::recomputedStages() const {
  return recomputes() ? recomputed : std::vector<bool>(stages());
}

void Placement::setRecomputed(std::vector<bool> stages) {
  bool any = std::find(stages.begin(), stages.end(), true) != stages.end();
  recomputed = any ? std::move(stages) : std::vector<bool>();
}

void Placement::setShard(Shard shard) {
  sharded = shard;
  findRows();
}

void Placement::findRows() {
  rowOf.clear();
  rows.clear();
  if (!scatters() && !updated)
    return;
  std::map<std::pair<int, int>, int> known; // by stage and device
  for (int stage = 0; stage < stages(); ++stage)
    for (const Route &route : routeList) {
      auto [entry, isNew] = known.try_emplace({stage, route.devices[stage]}, int(rows.size()));
      if (isNew)
        rows.emplace_back();
      std::vector<int> &row = rows[entry->second];
      row.insert(row.end(), route.microbatches.begin(), route.microbatches.end());
      rowOf.push_back(entry->second);
    }
  for (std::vector<int> &row : rows)
    std::ranges::sort(row);
}

void Placement::setKeepers(std::vector<int> devices) {
  bool any = std::any_of(devices.begin(), devices.end(), [](int device) { return device >= 0; });
  keepers = any ? std::move(devices) : std::vector<int>();
}

ErrorOr<std::vector<int>>
bitpipe::schedule::keepersIn(const Order &order, int stages, int microbatches) {
  std::vector<int> result(size_t(stages) * microbatches, -1);
  auto at = [&](const Action &action) -> int & {
    return result[size_t(action.stage) * microbatches + action.microbatch];
  };
  for (Kind kind : {Kind::G, Kind::K})
    for (size_t device = 0; device < order.size(); ++device)
      for (const Action &action : order[device])
        if (action.kind == kind)
          at(action) = int(device);
  for (size_t device = 0; device < order.size(); ++device)
    for (const Action &action : order[device])
      if (isMove(action.kind) && at(action) < 0)
        return Error{toString(action) + " is on device " + std::to_string(device) +
                     ", but no device keeps what it moves, expected " +
                     toString({Kind::K, false, action.stage, action.microbatch}) +
                     " on another one, or on this one for its host"};
  return result;
}

std::optional<Error> bitpipe::schedule::checkShardable(const Placement &placement) {
  std::string asked = std::string("--shard=") + nameOf(placement.shard());
  if (placement.shard() != Shard::None && placement.updates())
    return Error{"updates between micro-batches have no slices, expected no " + asked};
  return {};
}

bool bitpipe::schedule::sharesAny(const Placement &placement, Shard shard) {
  int shared = 0;
  for (int stage = 0; stage < placement.stages(); ++stage)
    shared += placement.holders(stage).size() > 1;
  return shared == placement.stages() || (shared && shard < Shard::Gradients);
}

/// The stages of which any recomputation runs.
static std::vector<bool> recomputedIn(const Order &order, int stages) {
  std::vector<bool> result(stages);
  for (const auto &list : order)
    for (const Action &action : list)
      if (action.kind == Kind::R)
        result[action.stage] = true;
  return result;
}

bool bitpipe::schedule::hasKind(const Order &order, Kind kind) {
  return std::ranges::any_of(order, [&](const std::vector<Action> &list) {
    return std::ranges::any_of(list, [&](const Action &action) { return action.kind == kind; });
  });
}

size_t bitpipe::schedule::pairsIn(const Order &order) {
  size_t count = 0;
  for (const auto &list : order)
    for (size_t i = 0; i < list.size(); ++i)
      count += beginsPair(list, i);
  return count;
}

Shard bitpipe::schedule::shardIn(const Order &order) {
  if (hasKind(order, Kind::A) || hasKind(order, Kind::D))
    return Shard::Parameters;
  return hasKind(order, Kind::S) ? Shard::Gradients : Shard::None;
}

Updates bitpipe::schedule::updatesIn(const Order &order, int stages) {
  Updates result;
  std::vector<int> ends(stages); // of the first group, behind it
  for (const auto &list : order) {
    std::vector<int> first(stages);
    for (const Action &action : list) {
      if (action.kind != Kind::U || action.stage < 0 || action.stage >= stages)
        continue;
      result.versions.resize(stages, 0);
      int &versions = result.versions[action.stage];
      versions = versions ? versions : action.versions;
      int &end = first[action.stage], own = action.microbatch + 1;
      end = end ? std::min(end, own) : own;
    }
    for (int stage = 0; stage < stages; ++stage)
      ends[stage] = std::max(ends[stage], first[stage]);
  }
  for (int end : ends)
    if (end > 0)
      result.every = result.every ? std::min(result.every, end) : end;
  return result;
}

ErrorOr<Placement> bitpipe::schedule::inferPlacement(const Order &order) {
  int stages = 0, microbatches = 0;
  size_t forwards = 0;
  for (const auto &list : order)
    for (const Action &action : list) {
      stages = std::max(stages, action.stage + 1);
      microbatches = std::max(microbatches, action.microbatch + 1);
      forwards += action.kind == Kind::F;
    }
  // Before allocating for it: a stray number must not ask for a huge table.
  if (forwards != size_t(stages) * microbatches)
    return Error{std::to_string(forwards) + " forwards, expected " +
                 std::to_string(size_t(stages) * microbatches) + " for " +
                 std::to_string(stages) + " stages and " +
                 std::to_string(microbatches) + " micro-batches"};
  if (std::optional<Error> wrong =
          checkSize(int64_t(order.size()), stages, microbatches))
    return *wrong;

  std::vector<std::vector<int>> places(microbatches,
                                       std::vector<int>(stages, -1));
  for (size_t device = 0; device < order.size(); ++device)
    for (const Action &action : order[device]) {
      if (action.kind != Kind::F)
        continue;
      int &place = places[action.microbatch][action.stage];
      if (place >= 0)
        return Error{toString(action) + " is on device " +
                     std::to_string(place) + " and on device " +
                     std::to_string(device) + ", expected once"};
      place = int(device);
    }

  std::map<std::vector<int>, size_t> seen;
  std::vector<Route> routes;
  for (int m = 0; m < microbatches; ++m) {
    auto [it, isNew] = seen.try_emplace(places[m], routes.size());
    if (isNew)
      routes.push_back({places[m], {}});
    routes[it->second].microbatches.push_back(m);
  }
  ErrorOr<Placement> placement =
      Placement::make(int(order.size()), std::move(routes));
  if (!placement)
    return placement;
  placement->setRecomputed(recomputedIn(order, stages));
  placement->setUpdates(updatesIn(order, stages));
  placement->setShard(shardIn(order));
  ErrorOr<std::vector<int>> keepers = keepersIn(order, stages, microbatches);
  if (!keepers)
    return keepers.error();
  placement->setKeepers(std::move(*keepers));
  return placement;
}
