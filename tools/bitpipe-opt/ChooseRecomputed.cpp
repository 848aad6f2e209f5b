//===- ChooseRecomputed.cpp - Which stages recompute, to fit in memory -----===//
//
// How long a set of stages makes the iteration is simulated, which is quick; what a device
// needs shows when the programs are laid out, which is not. But it depends on which of its
// own stages recompute, and hardly on others: a layout tells of all devices at once, for
// the part of the set that each of them holds. And the more stages recompute, the less is
// needed. So a part that no layout has shown is taken to need as little as the larger ones
// that are known; the set that is best by that is laid out, until one fits. What does not
// fit is known from then on, so that this ends, with the best set of all if both holds.
//
//===----------------------------------------------------------------------===//

#include "tools/bitpipe-opt/ChooseRecomputed.h"

#include "lib/Transforms/Planning/Costs.h"
#include "lib/Transforms/Schedule/Core/CSV.h"
#include "lib/Transforms/Schedule/Families/Shared/Registry.h"
#include "lib/Transforms/Schedule/Simulate/Recompute.h"
#include "lib/Transforms/Schedule/Simulate/Simulate.h"
#include "tools/bitpipe-opt/MemoryNeed.h"
#include "tools/bitpipe-opt/Views.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/raw_ostream.h"

#include <fstream>
#include <map>

using namespace mlir;
using bitpipe::schedule::StageSet;

namespace bitpipe {
namespace {

/// So many layouts look for the best set. Then a part that is not known is taken to need
/// as much as the smaller ones that are, with which the first set that is found fits.
constexpr int mostLayouts = 32;

/// Whether all stages of one set are in another.
bool isWithin(const StageSet &part, const StageSet &whole) {
  for (size_t stage = 0; stage < part.size(); ++stage)
    if (part[stage] && !whole[stage])
      return false;
  return true;
}

class Choice {
public:
  Choice(const Options &options, ModuleOp module, MeasureMemory measure)
      : options(options), module(module), measure(measure) {}

  FailureOr<std::string> run();

private:
  LogicalResult fail(const Twine &text) {
    return emitError(UnknownLoc::get(module.getContext())) << text;
  }
  /// The order without recomputation, and its costs.
  LogicalResult prepare();
  /// Whether a set fits; what its devices need is noted.
  FailureOr<bool> fits(const StageSet &stages);
  FailureOr<StageSet> search();
  StageSet partOf(int device, const StageSet &stages) const;
  /// What a device needs, in bytes.
  double known(int device, const StageSet &stages) const;
  schedule::Schedule with(const StageSet &stages) const;
  double makespan(const StageSet &stages) const;
  /// Lays the programs of a set out. They have the order that is found once.
  FailureOr<std::vector<int64_t>> layOut(const StageSet &stages);
  void tell(const StageSet &stages);

  const Options &options;
  ModuleOp module;
  MeasureMemory measure;
  std::optional<schedule::Schedule> order;
  schedule::Costs costs;
  int layouts = 0;
  std::vector<std::map<StageSet, double>> seen; // by device, bytes of its parts
  std::vector<int64_t> needed;                  // by the set that was laid out last
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
  order = *built;
  costs = *found;
  costs.memory.assign(placement->devices(), double(*options.memory));
  seen.resize(placement->devices());
  return success();
}

StageSet Choice::partOf(int device, const StageSet &stages) const {
  StageSet part = stages;
  for (size_t stage = 0; stage < stages.size(); ++stage)
    if (!llvm::is_contained(order->placement.holders(int(stage)), device))
      part[stage] = false;
  return part;
}

double Choice::known(int device, const StageSet &stages) const {
  StageSet part = partOf(device, stages);
  double least = 0, most = schedule::mostCost;
  for (const auto &[other, bytes] : seen[device]) {
    if (isWithin(part, other))
      least = std::max(least, bytes);
    if (isWithin(other, part))
      most = std::min(most, bytes);
  }
  bool isSeen = seen[device].count(part);
  return isSeen || layouts < mostLayouts ? least : most;
}

schedule::Schedule Choice::with(const StageSet &stages) const {
  schedule::Schedule result = *order;
  schedule::recompute(result, stages);
  return result;
}

double Choice::makespan(const StageSet &stages) const {
  schedule::Schedule result = with(stages);
  return schedule::simulate(result.placement, result.order, costs)->makespan;
}

FailureOr<std::vector<int64_t>> Choice::layOut(const StageSet &stages) {
  SmallString<128> file;
  if (std::error_code wrong = llvm::sys::fs::createTemporaryFile("order", "csv", file))
    return fail("a temporary file cannot be made: " + wrong.message());
  llvm::FileRemover remover(file);
  {
    std::ofstream stream{std::string(file)};
    schedule::writeCSV(stream, with(stages).order);
    if (!stream.flush())
      return fail("'" + file + "' cannot be written");
  }
  return measure(file);
}

FailureOr<bool> Choice::fits(const StageSet &stages) {
  auto measured = layOut(stages);
  if (failed(measured))
    return failure();
  needed = *measured;
  ++layouts;
  for (size_t device = 0; device < needed.size(); ++device) {
    double &bytes = seen[device][partOf(int(device), stages)];
    bytes = std::max(bytes, double(needed[device]));
  }
  return *llvm::max_element(needed) <= *options.memory;
}

void Choice::tell(const StageSet &stages) {
  double longer = makespan(stages) / makespan(StageSet(stages.size())) - 1;
  llvm::errs() << "--recompute=auto: stages to recompute: " << schedule::toString(stages) << "; "
               << needText(needed, *options.memory, longer) << '\n';
}

FailureOr<StageSet> Choice::search() {
  size_t count = order->placement.stages();
  StageSet stages(count), all(count, true);
  FailureOr<bool> isEnough = fits(stages);
  if (failed(isEnough) || *isEnough)
    return failed(isEnough) ? FailureOr<StageSet>() : stages;
  isEnough = fits(all);
  if (failed(isEnough))
    return failure();
  if (!*isEnough)
    return fail(lackText(needed, *options.memory) + " even where all stages recompute");
  for (isEnough = false; !*isEnough;) {
    auto best = schedule::chooseRecomputed(
        *order, costs, [&](int device, const StageSet &set) { return known(device, set); });
    stages = best.value_or(all);
    isEnough = fits(stages);
    if (failed(isEnough))
      return failure();
  }
  return stages;
}

FailureOr<std::string> Choice::run() {
  if (failed(prepare()))
    return failure();
  FailureOr<StageSet> stages = search();
  if (failed(stages))
    return failure();
  tell(*stages);
  return schedule::toString(*stages);
}

FailureOr<std::string> chooseRecomputed(const Options &options, ModuleOp module,
                                        MeasureMemory measure) {
  return Choice(options, module, measure).run();
}

} // namespace bitpipe
