//===- ChooseReplicas.cpp - What --stage-replicas=auto is ------------------===//
//
// The file of costs tells what the whole model takes and what links do, in units of its own;
// how work, parameters and messages are spread over the layers the model tells. So what is
// counted of the model is brought into the file's units by what both say of the whole.
//
//===----------------------------------------------------------------------===//

#include "tools/bitpipe-opt/ChooseReplicas.h"

#include "lib/Transforms/Partition/ChooseReplicas.h"
#include "lib/Transforms/Planning/Costs.h"
#include "lib/Transforms/Schedule/Core/Text.h"

#include "llvm/ADT/StringExtras.h"

#include <cmath>
#include <sstream>

using namespace mlir;

namespace bitpipe {

/// The file's costs of all stages together; a single one is that of one of 2D.
template <typename Part>
static double totalOf(const schedule::Costs &costs, int devices, Part part) {
  double sum = 0;
  for (const schedule::StageCost &stage : costs.stages)
    sum += part(stage);
  return costs.stages.size() == 1 ? 2 * devices * sum : sum;
}

static double bandwidthOf(const schedule::Link &link) {
  return link.transfer > 0 ? 1 / link.transfer : schedule::mostCost;
}

/// Equal links within groups of equally many neighbours, and equal ones between these: the
/// machine from its innermost level outwards.
static schedule::ErrorOr<std::vector<MachineLevel>> levelsOf(const schedule::Costs &costs,
                                                             int devices) {
  auto transfer = [&](int from, int to) { return costs.way(from, to).transfer; };
  if (devices == 1)
    return std::vector<MachineLevel>{{1, bandwidthOf(costs.link)}};
  int size = 1;
  while (size < devices && transfer(0, size) == transfer(0, 1))
    ++size;
  for (int from = 0; from < devices; ++from)
    for (int to = 0; to < devices; ++to) {
      double expected = from / size == to / size ? transfer(0, 1) : transfer(0, size % devices);
      if (from != to && (devices % size || transfer(from, to) != expected))
        return schedule::Error{"the links of the file of costs are of no levels, expected equal "
                               "nodes with one bandwidth within and one between"};
    }
  std::vector<MachineLevel> levels = {{size_t(size), bandwidthOf(costs.way(0, 1))}};
  if (size < devices)
    levels.push_back({size_t(devices / size), bandwidthOf(costs.way(0, size))});
  return levels;
}

/// How many micro-batches a sum of gradients is of: of a step, or of those between two updates;
/// where updates come as often as they can it is PipeDream's rule as it stands.
static int64_t microbatchesOfSum(const Options &options) {
  if (options.pipeline == "pipedream-flush")
    return options.microbatches;
  return std::max<int64_t>(1, options.updateEvery);
}

/// Of how many all devices of a stage take as many.
static int64_t sharedOut(const Options &options) {
  return options.updateEvery ? options.updateEvery : options.microbatches;
}

/// Whether the file tells enough, and all of it, in its own units.
static std::optional<schedule::Error> toUnitsOf(const schedule::Costs &costs, const Options &options,
                                                LayerChain &chain) {
  int devices = int(options.devices);
  double time = totalOf(costs, devices, [](auto &stage) { return stage.forward + stage.backward; });
  double weights = totalOf(costs, devices, [](auto &stage) { return stage.weights; });
  if (!costs.hasMessages())
    return schedule::Error{"the file of costs has no bandwidth, expected one: without, every stage "
                           "would be shared by all devices"};
  if (!(weights > 0) || !(chain.weights > 0) || !(chain.work > 0))
    return schedule::Error{"the file of costs has no 'weights', expected the size of the "
                           "parameters of each stage, beside which messages are counted"};
  double perByte = weights / chain.weights;
  for (Layer &layer : chain.layers) {
    layer.work *= time / chain.work;
    layer.message *= perByte;
    layer.weights *= perByte / double(microbatchesOfSum(options));
  }
  return {};
}

/// What each stage has of the work, in whole numbers, for costs of as many stages.
static std::vector<int> sharesOf(const LayerChain &chain, const ReplicatedDivision &division) {
  double all = 0;
  for (const Layer &layer : chain.layers)
    all += layer.work;
  std::vector<int> shares;
  for (const ReplicatedStage &stage : division.stages) {
    double own = 0;
    for (size_t i = stage.begin; i < stage.end; ++i)
      own += chain.layers[i].work;
    shares.push_back(std::max(1, int(std::lround(1000 * own / all))));
  }
  return shares;
}

FailureOr<ChosenReplicas> chooseReplicas(const Options &options, ModuleOp module) {
  auto fail = [&](const schedule::Error &error) {
    return emitError(UnknownLoc::get(module.getContext())) << "--stage-replicas=auto: " << error.text;
  };
  int devices = int(options.devices);
  auto costs = findCosts("", options.costFile, devices, module);
  if (!costs)
    return fail(costs.error());
  auto levels = levelsOf(*costs, devices);
  if (!levels)
    return fail(levels.error());
  FailureOr<LayerChain> chain = layersOf(module);
  if (failed(chain))
    return failure();
  if (auto wrong = toUnitsOf(*costs, options, *chain))
    return fail(*wrong);
  auto division = divideReplicated(chain->layers, *levels, sharedOut(options));
  if (!division)
    return fail({"a model of " + std::to_string(chain->layers.size()) + " layers on " +
                 std::to_string(devices) + " devices, expected fewer of these, or other than " +
                 std::to_string(sharedOut(options)) +
                 (options.updateEvery ? " micro-batches between updates" : " micro-batches") +
                 ": the devices of each stage must divide them"});
  ChosenReplicas chosen;
  for (const ReplicatedStage &stage : division->stages) {
    chosen.replicas.push_back(int(stage.replicas));
    chosen.begins.push_back(int64_t(chain->begins[stage.begin]));
  }
  chosen.costs = schedule::recut(*costs, 2 * devices, sharesOf(*chain, *division));
  std::ostringstream text;
  text << "--stage-replicas=auto takes "
       << llvm::join(llvm::map_range(chosen.replicas, [](int count) { return std::to_string(count); }), ",")
       << ": by PipeDream's rule a micro-batch every " << division->period << " "
       << schedule::oneLine(costs->timeUnit) << ", on " << levels->size()
       << (levels->size() > 1 ? " levels" : " level") << " of links";
  chosen.text = text.str();
  return chosen;
}

} // namespace bitpipe
