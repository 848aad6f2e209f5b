//===- ChooseRecomputed.cpp - Which stages recompute, to fit in memory -----===//
//
// What a set of stages takes in time and activations is simulated, which is quick; what a
// device needs in all shows when the programs are laid out, which is not. So the device's
// needs beside its activations are learnt from the layouts of a few sets: first of none,
// then of each set that the simulation takes to fit, until one does. Every layout that
// does not fit rules its set out, so that this ends.
//
//===----------------------------------------------------------------------===//

#include "tools/bitpipe-opt/ChooseRecomputed.h"

#include "lib/Transforms/Planning/Costs.h"
#include "lib/Transforms/Planning/StageSizes.h"
#include "lib/Transforms/Schedule/Families/Shared/Registry.h"
#include "lib/Transforms/Schedule/Simulate/Recompute.h"
#include "lib/Transforms/Schedule/Simulate/Simulate.h"
#include "tools/bitpipe-opt/Views.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace bitpipe {
namespace {

class Choice {
public:
  Choice(const Options &options, ModuleOp module, MeasureMemory measure)
      : options(options), module(module), measure(measure) {}

  FailureOr<std::string> run();

private:
  LogicalResult fail(const Twine &text) {
    return emitError(UnknownLoc::get(module.getContext())) << text;
  }
  /// The order without recomputation, and its costs with sizes in bytes.
  LogicalResult prepare();
  /// Whether a set fits; what it needs beside activations is noted.
  FailureOr<bool> fits(const schedule::StageSet &stages);
  schedule::Simulated simulated(const schedule::StageSet &stages);
  void tell(const schedule::StageSet &stages);

  const Options &options;
  ModuleOp module;
  MeasureMemory measure;
  std::optional<schedule::Schedule> order;
  schedule::Costs costs;
  std::vector<int64_t> needed; // by the set that was measured last
};

} // namespace

LogicalResult Choice::prepare() {
  Options without = options;
  without.recompute.clear();
  auto placement = schedule::placementFor(requestFor(without));
  if (!placement)
    return fail(placement.error().text);
  auto found = findCosts(options.cost, options.costFile, placement->devices(), module);
  if (!found)
    return fail(found.error().text);
  auto built = schedule::buildSchedule(requestFor(without, *found));
  if (!built)
    return fail(built.error().text);
  if (built->placement.recomputes())
    return fail("--recompute is auto, but the order of '" + options.scheduleFile +
                "' says which stages recompute");
  std::vector<StageSizes> sizes = stageSizes(module);
  if (int(sizes.size()) != placement->stages())
    return fail("--recompute is auto, but the stages do not have all their functions, "
                "whose results tell what they hold");
  order = *built;
  costs = *found;
  costs.stages.resize(sizes.size(), costs.stages.front());
  for (auto [stage, size] : llvm::zip(costs.stages, sizes)) {
    stage.activation = size.saved;
    stage.kept = size.kept;
    stage.input = size.input;
    stage.state = 0; // part of what is measured
  }
  costs.memory.assign(placement->devices(), double(*options.memory));
  costs.buffers.assign(placement->devices(), 0);
  return success();
}

schedule::Simulated Choice::simulated(const schedule::StageSet &stages) {
  schedule::Schedule with = *order;
  schedule::recompute(with, stages);
  return *schedule::simulateAll(std::move(with), costs);
}

FailureOr<bool> Choice::fits(const schedule::StageSet &stages) {
  auto measured = measure(schedule::toString(stages));
  if (failed(measured))
    return failure();
  needed = *measured;
  if (*llvm::max_element(needed) <= *options.memory)
    return true;
  schedule::Simulated held = simulated(stages);
  for (size_t device = 0; device < needed.size(); ++device)
    costs.buffers[device] = std::max(
        costs.buffers[device], double(needed[device]) - held.use[device].peakActivation);
  return false;
}

void Choice::tell(const schedule::StageSet &stages) {
  double before = simulated(schedule::StageSet(stages.size())).timing.makespan;
  double longer = simulated(stages).timing.makespan / before - 1;
  auto most = llvm::max_element(needed);
  llvm::errs() << "--recompute=auto: stages to recompute: " << schedule::toString(stages)
               << "; the iteration takes " << llvm::format("%.1f", 100 * longer)
               << "% longer as simulated, device " << most - needed.begin() << " needs "
               << *most << " of " << *options.memory << " bytes\n";
}

FailureOr<std::string> Choice::run() {
  if (failed(prepare()))
    return failure();
  schedule::StageSet none(costs.stages.size()), all(costs.stages.size(), true);
  schedule::StageSet stages = none;
  while (true) {
    FailureOr<bool> isEnough = fits(stages);
    if (failed(isEnough))
      return failure();
    if (*isEnough)
      break;
    auto next = schedule::chooseRecomputed(*order, costs);
    if (!next && stages == all) {
      auto most = llvm::max_element(needed);
      return fail("--memory is " + Twine(*options.memory) + " bytes, but device " +
                  Twine(most - needed.begin()) + " needs " + Twine(*most) +
                  " even where all stages recompute");
    }
    stages = next.value_or(all);
  }
  tell(stages);
  return schedule::toString(stages);
}

FailureOr<std::string> chooseRecomputed(const Options &options, ModuleOp module,
                                        MeasureMemory measure) {
  return Choice(options, module, measure).run();
}

} // namespace bitpipe
