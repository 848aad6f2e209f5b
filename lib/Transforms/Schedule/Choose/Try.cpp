//===- Try.cpp - One schedule, ordered and simulated -----------------------===//

#include "lib/Transforms/Schedule/Choose/Try.h"

#include "lib/Transforms/Schedule/Simulate/Communicate.h"
#include "lib/Transforms/Schedule/Simulate/MessageMemory.h"

#include <algorithm>

using namespace bitpipe::schedule;

/// Orders are searched for so little at first: there are many.
static constexpr double triedEffort = 0.05;

/// Whether a device cannot hold so many activations beside what it always holds.
static bool lacksMemory(const Placement &placement, const Costs &sizes,
                        const std::vector<double> &activations, Candidate &candidate) {
  std::vector<double> state = stateOf(placement, sizes);
  for (int device = 0; device < placement.devices(); ++device) {
    double most = sizes.memory[device], need = state[device] + activations[device];
    if (need <= most * (1 + 1e-9) || need / most <= candidate.excess)
      continue;
    candidate.excess = need / most;
    candidate.memory = std::max(candidate.memory, need);
    candidate.exceeds = exceedsMemory(device, most, state[device], activations[device]);
  }
  return candidate.exceeds.has_value();
}

static std::vector<double> peaksOf(const std::vector<DeviceUse> &use) {
  std::vector<double> peaks;
  for (const DeviceUse &device : use)
    peaks.push_back(device.peakActivation);
  return peaks;
}

/// One micro-batch at a time is alive at least.
static bool lacksLeast(const Placement &placement, const Costs &sizes, Candidate &candidate) {
  std::vector<double> least;
  for (int device = 0; device < placement.devices(); ++device)
    least.push_back(smallestMemory(placement, sizes, device));
  return lacksMemory(placement, sizes, least, candidate);
}

/// Whether there is not even room for what devices always hold.
static bool lacksState(const Placement &placement, const Costs &sizes, Candidate &candidate) {
  return lacksMemory(placement, sizes, std::vector<double>(placement.devices()), candidate);
}

static void setTimes(const Simulated &simulated, Candidate &candidate) {
  const Placement &placement = simulated.schedule.placement;
  candidate.time = stepTime(simulated);
  for (const DeviceUse &use : simulated.use) {
    candidate.work += use.work / simulated.use.size();
    candidate.weights =
        std::max(candidate.weights, double(use.weights) * commonStages(candidate.request) /
                                        placement.stages());
  }
  Costs free = simulated.costs.withoutMessages();
  double makespan = simulate(placement, simulated.schedule.order, free)->makespan;
  candidate.idle = std::max(0.0, makespan - candidate.work); // rounding aside
  candidate.messages = simulated.timing.makespan - makespan;
  candidate.sums = candidate.time - simulated.timing.makespan;
}

static double mostOf(const std::vector<DeviceUse> &use, const std::vector<double> &besides = {}) {
  double most = 0;
  for (size_t device = 0; device < use.size(); ++device)
    most = std::max(most, use[device].state + use[device].peakActivation +
                              (besides.empty() ? 0 : besides[device]));
  return most;
}

/// Holds an order that was made without a limit to sizes in bytes.
static void setBytes(const Simulated &simulated, const Layout &layout, Candidate &candidate) {
  const Schedule &schedule = simulated.schedule;
  auto useFor = [&](const Costs &costs) {
    return deviceUse(schedule.placement, schedule.order, {}, costs);
  };
  Costs sizes = ownCosts(layout.sizes, candidate.request, schedule.placement);
  std::vector<DeviceUse> use = useFor(sizes);
  candidate.memory = mostOf(use);
  if (!layout.isLimited())
    return;
  lacksMemory(schedule.placement, sizes, peaksOf(use), candidate);
  Costs apart = ownCosts(layout.apart, candidate.request, schedule.placement);
  ErrorOr<Program> program =
      communicate(schedule, {}, simulated.costs);
  if (program)
    candidate.withMessages = mostOf(useFor(apart), messageMemory(*program, apart));
}

/// What an order holds that is given by a rule, and does not fit.
static Tried tryWithoutLimit(Request request, const Costs &sizes, Candidate candidate,
                             const Error &error) {
  request.costs.memory.clear();
  ErrorOr<Simulated> simulated = measure(request);
  bool isSame = simulated && request.balance && !simulated->schedule.placement.moves();
  if (simulated && !isSame &&
      lacksMemory(simulated->schedule.placement, sizes, peaksOf(simulated->use), candidate))
    return {std::move(candidate), error.text};
  return {std::nullopt, error.text};
}

static Costs sizesFor(const Request &request, const Placement &placement, const Scope &scope) {
  return ownCosts(scope.layout ? scope.layout->sizes : request.costs, request, placement);
}

Tried bitpipe::schedule::tryOrder(const Request &request, const Placement &placement,
                                  const Scope &scope) {
  Candidate candidate;
  candidate.request = request;
  if (!scope.limitsMemory(request) ||
      !lacksState(placement, sizesFor(request, placement, scope), candidate))
    return tryOrdered(request, placement, scope);
  // Moving activations makes no room for state.
  if (request.balance)
    return {std::nullopt, "state alone lacks memory"};
  candidate.isUnordered = true;
  return {std::move(candidate), ""};
}

Tried bitpipe::schedule::tryOrdered(const Request &request, const Placement &placement,
                                    const Scope &scope) {
  Candidate candidate;
  candidate.request = request;
  // With recomputation not even one micro-batch need be alive as a whole; slices are there whole
  // for a while.
  bool isWhole = !request.balance && !candidate.recomputes() && request.shard < Shard::Gradients;
  if (scope.limitsMemory(request) && isWhole &&
      lacksLeast(placement, sizesFor(request, placement, scope), candidate))
    return {std::move(candidate), ""};
  return tryInFull(request, placement, scope);
}

Tried bitpipe::schedule::tryInFull(const Request &request, const Placement &placement,
                                   const Scope &scope) {
  Candidate candidate;
  candidate.request = request;
  bool isLimited = scope.limitsMemory(request);
  Request quick = request;
  quick.effort *= triedEffort;
  ErrorOr<Simulated> simulated = measure(quick);
  if (!simulated && (!isLimited || scope.layout))
    return {std::nullopt, simulated.error().text};
  if (!simulated)
    return tryWithoutLimit(quick, sizesFor(request, placement, scope), std::move(candidate),
                           simulated.error());
  if (request.balance && scope.choosesBalance && !simulated->schedule.placement.moves())
    return {std::nullopt, "nothing would move"};
  setTimes(*simulated, candidate);
  candidate.memory = mostOf(simulated->use);
  if (scope.layout)
    setBytes(*simulated, *scope.layout, candidate);
  return {std::move(candidate), ""};
}
