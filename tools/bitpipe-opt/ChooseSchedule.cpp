//===- ChooseSchedule.cpp - The schedule of --pipeline=auto ----------------===//

#include "tools/bitpipe-opt/ChooseSchedule.h"

#include "lib/Transforms/Planning/Costs.h"

using namespace mlir;

namespace bitpipe {

bool choosesSchedule(const Options &options) { return options.pipeline == schedule::chosenName; }

schedule::ErrorOr<schedule::Choice> chooseSchedule(const Options &options, ModuleOp module,
                                                   double buffers) {
  auto costs = findCosts(options.cost, options.costFile, int(options.devices), module);
  if (!costs)
    return costs.error();
  bool ofModel = module && !hasCosts(options);
  if (ofModel) {
    addSizes(module, options.optimizer, *costs);
    if (options.memory)
      costs->memory.assign(options.devices, double(*options.memory));
    costs->buffers.assign(options.devices, buffers);
  }
  schedule::Request base;
  base.devices = int(options.devices);
  base.microbatches = int(options.microbatches);
  base.replicas = options.given.count("data-parallel") ? int(options.replicas) : 0;
  base.chunks = int(options.chunks);
  base.effort = options.scheduleEffort;
  base.recompute = options.recompute;
  base.costs = std::move(*costs);
  // A model may have too few layers for more than are cut for the costs.
  int most = ofModel && !options.chunks ? schedule::commonStages(base) : 0;
  auto choice = schedule::choose(base, most);
  if (!choice)
    return schedule::Error{"--pipeline=" + options.pipeline + ": " + choice.error().text};
  return choice;
}

Options withChosen(Options options, const schedule::Choice &choice) {
  const schedule::Request &chosen = choice.fitting.front().request;
  options.pipeline = chosen.pipeline;
  options.chunks = chosen.chunks;
  options.replicas = chosen.replicas;
  options.recompute = chosen.recompute;
  return options;
}

} // namespace bitpipe
