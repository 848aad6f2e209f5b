//===- Costs.cpp - What computing and sending takes ------------------------===//

#include "lib/Transforms/Schedule/Core/Costs.h"

#include "lib/Transforms/Schedule/Core/Text.h"

#include <algorithm>
#include <map>
#include <numeric>

using namespace bitpipe::schedule;

/// A time of the parameters of these stages, which `time` takes from costs of either kind.
template <typename Time>
static double sharedTime(const Costs &costs, const std::vector<int> &sharing, Time time) {
  if (sharing.size() > 1)
    for (const SharedCost &listed : costs.shared)
      if (listed.stages == sharing)
        return time(listed);
  double longest = 0;
  for (int index : sharing)
    longest = std::max(longest, time(costs.stage(index)));
  return longest;
}

/// A sum that takes `time` over so many devices, over others.
static double overOthers(double time, int holders, size_t devices) {
  if (holders < 2 || devices < 2 || size_t(holders) == devices)
    return time;
  auto share = [](double count) { return (count - 1) / count; };
  return time * share(double(devices)) / share(holders);
}

double Costs::sumOf(const std::vector<int> &sharing, size_t devices) const {
  return sharedTime(*this, sharing, [&](const auto &cost) {
    return overOthers(cost.sum, cost.holders, devices);
  });
}

double Costs::normOf(const std::vector<int> &sharing) const {
  return sharedTime(*this, sharing, [](const auto &cost) { return cost.norm; });
}

double Costs::optimizerOf(const std::vector<int> &sharing) const {
  return sharedTime(*this, sharing, [](const auto &cost) { return cost.optimizer; });
}

/// Whether any of the parameters that `costs` are of takes such a time.
template <typename Cost>
static bool anyTakes(const std::vector<Cost> &costs, double Cost::*time) {
  return std::any_of(costs.begin(), costs.end(),
                     [&](const Cost &cost) { return cost.*time > 0; });
}

bool Costs::hasSums() const {
  return anyTakes(stages, &StageCost::sum) || anyTakes(shared, &SharedCost::sum);
}

bool Costs::hasUpdates() const {
  return anyTakes(stages, &StageCost::norm) ||
         anyTakes(stages, &StageCost::optimizer) ||
         anyTakes(shared, &SharedCost::norm) ||
         anyTakes(shared, &SharedCost::optimizer);
}

bool Costs::hasMessages() const {
  auto takesTime = [](const Link &link) {
    return link.transfer > 0 || link.latency > 0;
  };
  if (links.empty())
    return takesTime(link);
  return std::any_of(links.begin(), links.end(), [&](const auto &from) {
    return std::any_of(from.begin(), from.end(), takesTime);
  });
}

Costs Costs::withoutMessages() const {
  Costs result = *this;
  result.link = {};
  result.links.clear();
  return result;
}

std::optional<Error> Costs::check(const Placement &placement) const {
  auto counts = [](const char *what, size_t got, int expected) {
    return Error{"costs of " + std::to_string(got) + " " + what +
                 ", expected " + std::to_string(expected)};
  };
  if (stages.size() != 1 && int(stages.size()) != placement.stages())
    return counts("stages", stages.size(), placement.stages());
  if (!links.empty() && int(links.size()) != placement.devices())
    return counts("devices' links", links.size(), placement.devices());
  if (!memory.empty() && int(memory.size()) != placement.devices())
    return counts("devices' memory", memory.size(), placement.devices());
  if (!buffers.empty() && int(buffers.size()) != placement.devices())
    return counts("devices' buffers", buffers.size(), placement.devices());
  for (const SharedCost &listed : shared)
    if (listed.stages.back() >= placement.stages())
      return Error{"'shared' costs of stage " + std::to_string(listed.stages.back()) +
                   ", expected stages 0 to " + std::to_string(placement.stages() - 1)};
  return {};
}

/// A share of the times of two parts, each of which has its own, by these times.
static double meanShare(const StageCost &sum, const StageCost &stage, double part) {
  double before = sum.forward + sum.backward;
  double added = part * (stage.forward + stage.backward);
  if (stage.pair < 0 || before + added == 0)
    return stage.pair;
  return (sum.pair * before + stage.pair * added) / (before + added);
}

Costs bitpipe::schedule::withSamples(const Costs &costs, int samples, double efficiency) {
  Costs result = costs;
  double more = double(samples) / costs.samples;
  for (StageCost &stage : result.stages) {
    for (double StageCost::*time : {&StageCost::forward, &StageCost::inputGradient,
                                    &StageCost::weightGradient, &StageCost::backward,
                                    &StageCost::recompute})
      stage.*time *= more / efficiency;
    for (double StageCost::*size : {&StageCost::activation, &StageCost::kept, &StageCost::input,
                                    &StageCost::message})
      stage.*size *= more;
  }
  for (double &size : result.buffers)
    size *= more;
  result.samples = samples;
  return result;
}

/// Adds what grows with the number of layers in a stage.
static void add(StageCost &sum, const StageCost &stage, double part) {
  sum.pair = meanShare(sum, stage, part);
  for (double StageCost::*field :
       {&StageCost::forward, &StageCost::inputGradient,
        &StageCost::weightGradient, &StageCost::backward,
        &StageCost::activation, &StageCost::state, &StageCost::sum,
        &StageCost::norm, &StageCost::optimizer, &StageCost::weights,
        &StageCost::moments})
    sum.*field += part * stage.*field;
  sum.kept += part * stage.keptSize();
  sum.gathered += part * stage.gatheredSize();
  sum.gradients += part * stage.gradientSize();
  sum.recompute += part * stage.recomputation();
}

/// A stage of which nothing is there yet.
static StageCost nothing() {
  StageCost stage;
  for (double StageCost::*field :
       {&StageCost::forward, &StageCost::inputGradient, &StageCost::weightGradient,
        &StageCost::backward, &StageCost::activation, &StageCost::message, &StageCost::kept,
        &StageCost::recompute, &StageCost::gathered, &StageCost::gradients})
    stage.*field = 0;
  return stage;
}

/// Adds a part of a stage behind the others, or as the first one.
static void append(StageCost &sum, const StageCost &stage, double part, bool isFirst) {
  add(sum, stage, part);
  sum.message = stage.message;
  sum.gradientReader = stage.gradientReader;
  sum.holders = stage.holders;
  if (!isFirst)
    return;
  sum.input = stage.input;
  sum.inputReader = stage.inputReader;
}

Costs bitpipe::schedule::recut(const Costs &costs, int from, int to) {
  if (costs.stages.size() > 1)
    return recut(costs, from, std::vector<int>(to, 1));
  Costs result = costs;
  result.shared.clear(); // by the numbers of stages that are gone
  result.stages = {nothing()};
  append(result.stages.front(), costs.stages.front(), double(from) / to, /*isFirst=*/true);
  return result;
}

Costs bitpipe::schedule::recut(const Costs &costs, int from, const std::vector<int> &shares) {
  Costs result = costs;
  result.shared.clear();
  result.stages.clear();
  if (costs.stages.size() > 1)
    from = int(costs.stages.size());
  // In units of 1 / (from * all) of the model, so that borders are exact.
  int64_t all = std::accumulate(shares.begin(), shares.end(), int64_t(0)), begin = 0, border = 0;
  for (int share : shares) {
    StageCost &sum = result.stages.emplace_back(nothing());
    int64_t first = begin;
    border += share * int64_t(from);
    for (int64_t end; begin < border; begin = end) {
      end = std::min((begin / all + 1) * all, border);
      append(sum, costs.stage(int(begin / all)), double(end - begin) / double(all),
             begin == first);
    }
  }
  return result;
}

/// What one of several holders keeps of a stage's state: weights, as many gradients, and
/// the moments.
static double ownState(const StageCost &stage, Shard shard, size_t holders) {
  if (shard == Shard::None || holders < 2)
    return stage.state;
  double part = 1 / double(holders);
  double moments = stage.moments > 0 ? stage.moments : std::max(0.0, stage.state - stage.weights - stage.gradientSize());
  double sliced = moments + (shard >= Shard::Gradients ? stage.gradientSize() : 0) +
                  (shard == Shard::Parameters ? stage.weights : 0);
  bool isKnown = stage.weights > 0 || stage.moments > 0;
  sliced = isKnown ? std::min(sliced, stage.state) : 0;
  return stage.state - sliced * (1 - part);
}

double bitpipe::schedule::meanActivation(const Placement &placement, const Costs &costs) {
  double sum = 0;
  for (int stage = 0; stage < placement.stages(); ++stage)
    sum += costs.stage(stage).activation;
  return sum / placement.stages();
}

Costs bitpipe::schedule::withStateShared(const Costs &costs, const Placement &placement,
                                         Shard shard) {
  Costs result = costs;
  result.stages.clear();
  for (int stage = 0; stage < placement.stages(); ++stage) {
    StageCost &own = result.stages.emplace_back(costs.stage(stage));
    size_t holders = placement.holders(stage).size();
    own.state = ownState(own, shard, holders);
    own.moments /= double(holders);
  }
  result.sharesState = true;
  return result;
}

Costs bitpipe::schedule::costsOfOrders(const Costs &costs, const Placement &placement,
                                       Shard shard) {
  Costs result = costs.sharesState ? costs : withStateShared(costs, placement, shard);
  if (shard < Shard::Gradients)
    return result;
  result.buffers.resize(placement.devices());
  std::vector<std::vector<double>> weights(placement.devices()); // of the stages of each
  for (int stage = 0; stage < placement.stages(); ++stage)
    for (int device : placement.holders(stage)) {
      weights[device].push_back(costs.stage(stage).gatheredSize());
      result.buffers[device] += costs.stage(stage).gradientSize();
    }
  for (int device = 0; device < placement.devices(); ++device) {
    std::vector<double> &own = weights[device];
    std::ranges::sort(own, std::greater());
    own.resize(shard == Shard::Parameters ? std::min<size_t>(own.size(), 2) : 0);
    result.buffers[device] += std::accumulate(own.begin(), own.end(), 0.0);
  }
  return result;
}

std::vector<double> bitpipe::schedule::stateOf(const Placement &placement,
                                               const Costs &costs) {
  std::vector<double> result = costs.buffers;
  result.resize(placement.devices());
  Shard shard = costs.sharesState ? Shard::None : placement.shard();
  for (int stage = 0; stage < placement.stages(); ++stage) {
    std::vector<int> holders = placement.holders(stage);
    for (int device : holders)
      result[device] += ownState(costs.stage(stage), shard, holders.size());
  }
  return result;
}

std::optional<Error>
bitpipe::schedule::setGradients(StageCost &stage, std::optional<double> backward,
                                std::optional<double> inputGradient,
                                std::optional<double> weightGradient) {
  if (bool(inputGradient) != bool(weightGradient))
    return Error{std::string("'") + (inputGradient ? "W" : "I") +
                 "' is missing, expected both 'I' and 'W', or 'B' alone"};
  if (inputGradient) {
    stage.inputGradient = *inputGradient;
    stage.weightGradient = *weightGradient;
    stage.backward = backward.value_or(*inputGradient + *weightGradient);
  } else if (backward) {
    stage.backward = *backward;
    stage.inputGradient = stage.weightGradient = *backward / 2;
  }
  return {};
}

ErrorOr<Costs> bitpipe::schedule::parseCosts(std::string_view text) {
  std::map<std::string, std::optional<double>> given;
  for (const char *name : {"F", "B", "I", "W", "R", "pair", "comm", "sum", "host"})
    given[name];
  for (bool more = true; more;) {
    std::string item(text.substr(0, text.find(',')));
    more = item.size() < text.size();
    text.remove_prefix(item.size() + more);
    size_t equals = std::min(item.find('='), item.size());
    auto target = given.find(item.substr(0, equals));
    bool isKnown = target != given.end() && equals < item.size();
    bool mayBeNone = isKnown && target->first.size() > 1 && target->first != "pair";
    std::optional<double> time =
        isKnown ? numberIn(item.substr(equals + 1), mayBeNone ? 0 : leastCost, mostCost)
                : std::nullopt;
    if (!time)
      return Error{"cost " + quoted(item) +
                   ", expected F, B, I, W, R, comm, sum or host = a time, or pair = a share, such as "
                   "F=1,B=2,I=1,W=1,R=1,pair=0.8,comm=0,sum=0,host=0"};
    if (target->second)
      return Error{"cost '" + target->first + "' comes twice, expected it once"};
    target->second = time;
  }
  Costs costs;
  StageCost &stage = costs.stages.front();
  stage.forward = given["F"].value_or(stage.forward);
  stage.recompute = given["R"].value_or(stage.recompute);
  stage.pair = given["pair"].value_or(stage.pair);
  if (std::optional<Error> wrong =
          setGradients(stage, given["B"], given["I"], given["W"]))
    return Error{"cost: " + wrong->text};
  if (stage.forward != 1)
    costs.timeUnit = "the unit of --cost";
  costs.link.transfer = given["comm"].value_or(0);
  costs.host.transfer = given["host"].value_or(0);
  stage.sum = given["sum"].value_or(0);
  return costs;
}
