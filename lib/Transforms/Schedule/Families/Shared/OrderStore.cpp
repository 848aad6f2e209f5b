//===- OrderStore.cpp - Orders that are found once -------------------------===//

#include "lib/Transforms/Schedule/Families/Shared/OrderStore.h"

using namespace bitpipe::schedule;

namespace {
/// Numbers, one behind the other, as text that is the same where they are.
class Key {
public:
  void add(double value) {
    text.append(reinterpret_cast<const char *>(&value), sizeof(value));
  }
  void add(const Link &link) {
    add(link.transfer);
    add(link.latency);
  }
  void add(const std::vector<double> &values) {
    add(double(values.size()));
    for (double value : values)
      add(value);
  }

  std::string text;
};
} // namespace

/// All that an order depends on: what runs and messages take, what activations hold, and what
/// there is for them where that is limited. Sums and updates come behind it.
static void addCosts(const Costs &costs, Key &key) {
  bool isLimited = !costs.memory.empty();
  key.add(double(costs.stages.size()));
  for (const StageCost &stage : costs.stages) {
    for (double StageCost::*field :
         {&StageCost::forward, &StageCost::inputGradient, &StageCost::weightGradient,
          &StageCost::backward, &StageCost::activation, &StageCost::message, &StageCost::kept,
          &StageCost::recompute, &StageCost::input, &StageCost::pair})
      key.add(stage.*field);
    key.add(isLimited ? stage.state : 0);
  }
  key.add(costs.link);
  key.add(double(costs.links.size()));
  for (const std::vector<Link> &from : costs.links)
    for (const Link &link : from)
      key.add(link);
  key.add(costs.memory);
  key.add(isLimited ? costs.buffers : std::vector<double>());
}

static std::string keyOf(const Request &request) {
  Key key;
  key.text = request.pipeline + '\0';
  for (int number : {request.devices, request.microbatches, request.chunks, request.down,
                     request.updateEvery})
    key.add(number);
  key.add(std::vector<double>(request.stageReplicas.begin(), request.stageReplicas.end()));
  key.add(request.memory);
  key.add(request.effort);
  addCosts(request.costs, key);
  return std::move(key.text);
}

ErrorOr<Ordered> OrderStore::orderFor(const Request &request,
                                      const std::function<ErrorOr<Ordered>()> &make) {
  std::string key = keyOf(request);
  auto found = known.find(key);
  if (found == known.end())
    found = known.emplace(std::move(key), make()).first;
  return found->second;
}
