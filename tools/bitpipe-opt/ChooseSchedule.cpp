//===- ChooseSchedule.cpp - The schedule where options leave it open -------===//

#include "tools/bitpipe-opt/ChooseSchedule.h"

#include "lib/Runtime/GPUWorkspace.h"
#include "lib/Transforms/Planning/Costs.h"
#include "lib/Transforms/Schedule/Emit/Speedup.h"
#include "tools/bitpipe-opt/Views.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace bitpipe {

bool choosesSchedule(const Options &options) { return options.pipeline == schedule::chosenName; }

/// What is asked for of each, with 0 for numbers that --pipeline=auto chooses.
static schedule::Request openRequest(const Options &options, schedule::Costs costs) {
  schedule::Request base = requestFor(options, std::move(costs));
  bool isSet = base.recompute != "auto"; // which is decided for the schedule that is taken
  base.recompute = isSet ? base.recompute : "";
  // Of a pipeline's own stages, and measured in stages of 2D as all that is compared.
  base.memory *= base.replicas;
  base.memoryCounts /= base.replicas;
  if (!options.picksFamily)
    base.replicas = options.given.count("data-parallel") ? base.replicas : 0;
  return base;
}

schedule::ErrorOr<std::vector<schedule::MicrobatchSize>>
microbatchSizes(const Options &options, const schedule::Costs &costs, int given) {
  int batch = int(options.batch);
  if (given && batch % given)
    return schedule::Error{"a step of " + std::to_string(batch) + " samples in micro-batches of " +
                           std::to_string(given) + ", expected a multiple"};
  std::vector<schedule::MicrobatchSize> sizes;
  if (options.efficiency.empty()) {
    for (int size = 1; size <= batch; ++size)
      if (batch % size == 0 && (!given || size == given))
        sizes.push_back({size, 1});
    return sizes;
  }
  auto listed = schedule::parseEfficiencies(options.efficiency)->sizes;
  auto own = llvm::find_if(listed, [&](auto &one) { return one.size == costs.samples; });
  if (own == listed.end())
    return schedule::Error{"costs are of micro-batches of " + std::to_string(costs.samples) +
                           " samples, expected their efficiency among those of --efficiency"};
  for (auto [size, efficiency] : listed)
    if (!given || size == given)
      sizes.push_back({size, efficiency / own->efficiency});
  if (sizes.empty())
    return schedule::Error{"micro-batches of " + std::to_string(given) +
                           " samples, expected their efficiency among those of --efficiency"};
  return sizes;
}

/// Sizes in bytes of the stages that the costs are of.
static schedule::Layout layoutFor(const Options &options, ModuleOp module,
                                  const schedule::Costs &costs, const MeasureNeed &need) {
  schedule::Layout layout{costs, {}, need};
  addSizes(module, options.optimizer, layout.sizes);
  if (options.memory)
    layout.sizes.memory.assign(options.devices, double(*options.memory));
  if (options.target == "cuda") {
    layout.sizes.buffers.resize(options.devices);
    for (double &bytes : layout.sizes.buffers)
      bytes += double(gpuWorkspaceBytes);
  }
  layout.apart = layout.sizes;
  leaveOutMessages(module, layout.apart);
  return layout;
}

schedule::ErrorOr<schedule::Choice> chooseSchedule(const Options &options, ModuleOp module,
                                                   const MeasureNeed &need, int samples) {
  auto costs = findCosts(options.cost, options.costFile, int(options.devices), module);
  if (!costs)
    return costs.error();
  schedule::Request base = openRequest(options, *costs);
  schedule::Scope scope;
  scope.isDefault = options.picksFamily;
  if (options.batch) {
    bool isFree = !samples || !options.batchDim.empty();
    if (samples)
      base.costs.samples = hasCosts(options) ? costs->samples : samples;
    auto sizes = microbatchSizes(options, base.costs, isFree ? 0 : samples);
    if (!sizes)
      return schedule::Error{"--pipeline=auto: " + sizes.error().text};
    scope.batch = int(options.batch);
    scope.sizes = *sizes;
  }
  if (!options.picksFamily && !options.given.count("shard"))
    scope.mostSharded = schedule::Shard::Parameters;
  scope.choosesBalance = !options.picksFamily && !options.balance;
  std::optional<schedule::Layout> layout;
  // Where stages are chosen to recompute, what is needed shows then.
  if (module && !hasCosts(options) && options.recompute != "auto") {
    layout = layoutFor(options, module, base.costs, need);
    scope.layout = &*layout;
  }
  // A model may have too few layers for more than are cut for the costs.
  if (layout && !options.chunks)
    scope.mostStages = schedule::commonStages(base);
  auto choice = schedule::choose(base, scope);
  if (!choice)
    return schedule::Error{(options.picksFamily ? "no --pipeline is given"
                                                : "--pipeline=" + options.pipeline) +
                           ": " + choice.error().text};
  return choice;
}

Options withRequest(Options options, const schedule::Request &request) {
  options.pipeline = request.pipeline;
  options.picksFamily = false;
  if (request.samples) {
    options.microbatches = request.microbatches;
    if (!options.batchDim.empty())
      options.dims[options.batchDim] = request.samples;
  }
  options.chunks = request.chunks;
  options.replicas = request.replicas;
  if (options.recompute != "auto")
    options.recompute = request.recompute;
  options.balance = request.balance;
  options.shard = schedule::nameOf(request.shard);
  return options;
}

} // namespace bitpipe
