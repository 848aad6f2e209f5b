//===- Replicas.cpp - A pipeline several times beside itself ---------------===//

#include "lib/Transforms/Schedule/Core/Replicas.h"

#include "lib/Transforms/Schedule/Core/Limits.h"

#include <algorithm>

using namespace bitpipe::schedule;

/// The number in all replicas of one's micro-batch in a replica.
static int numberOf(const Placement &one, int replicas, int replica, int microbatch) {
  return one.updates() ? microbatch * replicas + replica
                       : microbatch + replica * one.microbatches();
}

ErrorOr<Placement> bitpipe::schedule::replicate(const Placement &one,
                                                int replicas) {
  if (std::optional<Error> wrong =
          checkSize(int64_t(one.devices()) * replicas, one.stages(),
                    int64_t(one.microbatches()) * replicas))
    return *wrong;
  std::vector<Route> routes;
  for (int replica = 0; replica < replicas; ++replica)
    for (Route route : one.routes()) {
      for (int &device : route.devices)
        device += replica * one.devices();
      for (int &microbatch : route.microbatches)
        microbatch = numberOf(one, replicas, replica, microbatch);
      routes.push_back(std::move(route));
    }
  ErrorOr<Placement> result =
      Placement::make(one.devices() * replicas, std::move(routes));
  if (!result)
    return result;
  result->setRecomputed(one.recomputedStages());
  result->setLossInGradient(one.lossInGradient());
  result->setShard(one.shard());
  Updates updates = one.updates();
  updates.every *= replicas;
  result->setUpdates(std::move(updates));
  if (!one.moves())
    return result;
  std::vector<int> keepers;
  for (int stage = 0; stage < one.stages(); ++stage)
    for (int m = 0; m < result->microbatches(); ++m) {
      int replica = m / one.microbatches();
      int keeper = one.keeper(stage, m % one.microbatches());
      keepers.push_back(keeper < 0 ? -1 : keeper + replica * one.devices());
    }
  result->setKeepers(std::move(keepers));
  return result;
}

Order bitpipe::schedule::replicate(const Order &order, const Placement &one,
                                   int replicas) {
  Order result;
  for (int replica = 0; replica < replicas; ++replica)
    for (const std::vector<Action> &list : order) {
      std::vector<Action> &own = result.emplace_back(list);
      for (Action &action : own)
        action.microbatch = numberOf(one, replicas, replica, action.microbatch);
    }
  return result;
}

/// Of the values of all replicas in the same place the one that `pick` takes.
template <typename Pick>
static std::vector<double> fold(const std::vector<double> &values,
                                int replicas, Pick pick) {
  size_t size = values.size() / replicas;
  std::vector<double> result(values.begin(), values.begin() + size);
  for (size_t i = size; i < values.size(); ++i)
    result[i % size] = pick(result[i % size], values[i]);
  return result;
}

Costs bitpipe::schedule::costsOfOne(const Costs &costs, int devices,
                                    int replicas) {
  Costs result = costs;
  auto least = [](double a, double b) { return std::min(a, b); };
  auto most = [](double a, double b) { return std::max(a, b); };
  if (!costs.memory.empty())
    result.memory = fold(costs.memory, replicas, least);
  if (!costs.buffers.empty())
    result.buffers = fold(costs.buffers, replicas, most);
  if (costs.links.empty())
    return result;
  int size = devices / replicas;
  result.links.assign(size, std::vector<Link>(size, Link{0, 0}));
  for (int from = 0; from < devices; ++from)
    for (int to = from / size * size; to < from / size * size + size; ++to) {
      Link &link = result.links[from % size][to % size];
      link.transfer = std::max(link.transfer, costs.links[from][to].transfer);
      link.latency = std::max(link.latency, costs.links[from][to].latency);
    }
  return result;
}
