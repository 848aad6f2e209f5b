//===- ChooseOffload.cpp - How many activations stay, to fit in memory -----===//
//
// The fewer activations stay on a device, the less it needs, so that halving the range finds
// the greatest number that fits. What is needed shows when the programs are laid out.
//
//===----------------------------------------------------------------------===//

#include "tools/bitpipe-opt/ChooseOffload.h"

#include "lib/Transforms/Planning/Costs.h"
#include "lib/Transforms/Schedule/Families/Shared/Registry.h"
#include "lib/Transforms/Schedule/Simulate/Offload.h"
#include "lib/Transforms/Schedule/Simulate/Simulate.h"
#include "tools/bitpipe-opt/MemoryNeed.h"
#include "tools/bitpipe-opt/Views.h"

#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace mlir;

namespace bitpipe {
namespace {

class Choice {
public:
  Choice(const Options &options, ModuleOp module, MeasureOffload measure)
      : options(options), module(module), measure(measure) {}

  FailureOr<double> run();

private:
  LogicalResult fail(const Twine &text) {
    return emitError(UnknownLoc::get(module.getContext())) << text;
  }
  /// The order where all activations stay, its costs and what its devices hold.
  LogicalResult prepare();
  /// How long an iteration takes where so many stay; nothing if that cannot be.
  std::optional<double> makespan(double most) const;
  /// Whether that fits; what its devices need is noted.
  FailureOr<bool> fits(double most);
  FailureOr<double> search();
  void tell(double most);

  const Options &options;
  ModuleOp module;
  MeasureOffload measure;
  std::optional<schedule::Schedule> order;
  schedule::Costs costs;
  double peak = 0; // in activations of a mean stage
  std::vector<int64_t> needed;
};

} // namespace

LogicalResult Choice::prepare() {
  auto placement = schedule::placementFor(requestFor(options));
  if (!placement)
    return fail(placement.error().text);
  auto found = findCosts(options.cost, options.costFile, placement->devices(), module);
  if (!found)
    return fail(found.error().text);
  costs = *found;
  auto built = schedule::buildSchedule(requestFor(options, costs));
  if (!built)
    return fail(built.error().text);
  order = *built;
  for (const schedule::DeviceUse &use :
       schedule::deviceUse(order->placement, order->order, {}, costs))
    peak = std::max(peak, use.peakActivation);
  peak /= schedule::meanActivation(order->placement, costs);
  return success();
}

std::optional<double> Choice::makespan(double most) const {
  schedule::Schedule with = *order;
  if (most > 0 && schedule::offload(with, costs, most))
    return {};
  return schedule::simulate(with.placement, with.order, costs)->makespan;
}

FailureOr<bool> Choice::fits(double most) {
  auto measured = measure(most);
  if (failed(measured))
    return failure();
  needed = *measured;
  return *llvm::max_element(needed) <= *options.memory;
}

FailureOr<double> Choice::search() {
  FailureOr<bool> isEnough = fits(0);
  if (failed(isEnough) || *isEnough)
    return failed(isEnough) ? FailureOr<double>() : FailureOr<double>(0.0);
  double least = 1, above = std::ceil(peak);
  while (least < above && !makespan(least))
    ++least;
  isEnough = fits(least);
  if (failed(isEnough))
    return failure();
  if (!*isEnough)
    return fail(lackText(needed, *options.memory) + " even where no device holds more than " +
                Twine(int64_t(least)) + " activations");
  double best = least;
  std::vector<int64_t> need = needed;
  while (above - best > 1) {
    double middle = std::floor((best + above) / 2);
    isEnough = fits(middle);
    if (failed(isEnough))
      return failure();
    (*isEnough ? best : above) = middle;
    if (*isEnough)
      need = needed;
  }
  needed = need;
  return best;
}

void Choice::tell(double most) {
  llvm::errs() << "--offload=auto: ";
  if (most > 0)
    llvm::errs() << "at most " << int64_t(most) << " activations stay on a device; ";
  else
    llvm::errs() << "all activations stay; ";
  llvm::errs() << needText(needed, *options.memory, *makespan(most) / *makespan(0) - 1) << '\n';
}

FailureOr<double> Choice::run() {
  if (failed(prepare()))
    return failure();
  FailureOr<double> most = search();
  if (succeeded(most))
    tell(*most);
  return most;
}

FailureOr<double> chooseOffload(const Options &options, ModuleOp module, MeasureOffload measure) {
  return Choice(options, module, measure).run();
}

} // namespace bitpipe
