//===- Choose.cpp - The fastest schedule that fits -------------------------===//

#include "lib/Transforms/Schedule/Choose/Choose.h"

#include "lib/Transforms/Schedule/Choose/Dimensions.h"
#include "lib/Transforms/Schedule/Search/Bounds.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

using namespace bitpipe::schedule;

/// Orders are searched for so little at first: there are many.
static constexpr double triedEffort = 0.05;

static std::string counted(int count, const char *what) {
  return ", " + std::to_string(count) + " " + what + (count > 1 ? "s" : "");
}

std::string Candidate::name() const {
  return request.pipeline + counted(request.chunks, "chunk") +
         counted(request.replicas, "replica") +
         (recomputes() ? ", all recomputed" : "");
}

namespace {
/// A combination that is possible, and what it takes at least.
struct Possible {
  Candidate candidate;
  Placement placement;
};

class Chooser {
public:
  Chooser(const Request &base, int mostStages)
      : base(base), mostStages(mostStages) {}
  ErrorOr<Choice> run();

private:
  std::vector<Possible> findPossible();
  bool lacksMemory(const Request &own, const Placement &placement,
                   const std::vector<double> &activations,
                   Candidate &candidate) const;
  void tryOrder(Possible &possible);
  void measureInto(const Simulated &simulated, Candidate &candidate) const;
  /// The time that one must not exceed to be shown.
  double limit() const;
  Error nothingFits() const;

  const Request &base;
  const int mostStages;
  Choice choice;
  std::string lastError;
};
} // namespace

static bool isBefore(const Candidate &one, const Candidate &other) {
  // Times that differ by rounding are the same.
  double slack = 1e-9 * std::max(one.time, other.time);
  if (std::abs(one.time - other.time) > slack)
    return one.time < other.time;
  auto rest = [](const Candidate &c) {
    return std::tuple(c.memory, c.weights, c.messages, c.request.replicas,
                      c.request.chunks, c.recomputes());
  };
  return rest(one) < rest(other);
}

std::vector<Possible> Chooser::findPossible() {
  std::vector<Possible> result;
  for (const Request &request : combinations(base)) {
    ErrorOr<Placement> placement = placementFor(request);
    if (!placement || (mostStages && placement->stages() > mostStages)) {
      if (!placement)
        lastError = placement.error().text;
      continue;
    }
    Request own = inOwnStages(request, *placement);
    if (std::optional<Error> wrong = own.costs.check(*placement)) {
      lastError = wrong->text;
      continue;
    }
    Candidate candidate;
    candidate.request = request;
    candidate.time = leastTime(*placement, own.costs);
    result.push_back({std::move(candidate), std::move(*placement)});
  }
  std::stable_sort(result.begin(), result.end(), [](auto &one, auto &other) {
    return one.candidate.time < other.candidate.time;
  });
  return result;
}

/// Whether a device could not hold so many activations beside what it always holds.
bool Chooser::lacksMemory(const Request &own, const Placement &placement,
                          const std::vector<double> &activations,
                          Candidate &candidate) const {
  std::vector<double> state = stateOf(placement, own.costs);
  for (int device = 0; device < placement.devices(); ++device) {
    double most = own.costs.memory[device], need = state[device] + activations[device];
    if (need <= most * (1 + 1e-9) || need / most <= candidate.excess)
      continue;
    candidate.excess = need / most;
    candidate.exceeds = exceedsMemory(device, most, state[device], activations[device]);
  }
  return candidate.exceeds.has_value();
}

void Chooser::measureInto(const Simulated &simulated, Candidate &candidate) const {
  const Placement &placement = simulated.schedule.placement;
  candidate.time = stepTime(simulated);
  for (const DeviceUse &use : simulated.use) {
    candidate.work += use.work / simulated.use.size();
    candidate.memory = std::max(candidate.memory, use.state + use.peakActivation);
    candidate.weights =
        std::max(candidate.weights,
                 double(use.weights) * commonStages(base) / placement.stages());
  }
  Costs free = simulated.costs;
  free.link = {};
  free.links.clear();
  double makespan = simulate(placement, simulated.schedule.order, free)->makespan;
  candidate.idle = makespan - candidate.work;
  candidate.messages = simulated.timing.makespan - makespan;
  candidate.sums = candidate.time - simulated.timing.makespan;
}

void Chooser::tryOrder(Possible &possible) {
  auto &[candidate, placement] = possible;
  Request own = inOwnStages(candidate.request, placement);
  bool isLimited = !own.costs.memory.empty();
  // With recomputation not even one micro-batch need be alive as a whole.
  if (isLimited && !candidate.recomputes()) {
    std::vector<double> least;
    for (int device = 0; device < placement.devices(); ++device)
      least.push_back(smallestMemory(placement, own.costs, device));
    if (lacksMemory(own, placement, least, candidate)) {
      choice.exceeding.push_back(std::move(candidate));
      return;
    }
  }
  Request request = candidate.request;
  request.effort *= triedEffort;
  ErrorOr<Simulated> simulated = measure(request);
  if (simulated) {
    measureInto(*simulated, candidate);
    choice.fitting.push_back(std::move(candidate));
    return;
  }
  lastError = simulated.error().text;
  if (!isLimited)
    return;
  // An order that is given by a rule: what does it hold?
  request.costs.memory.clear();
  simulated = measure(request);
  if (!simulated)
    return;
  std::vector<double> peaks;
  for (const DeviceUse &use : simulated->use)
    peaks.push_back(use.peakActivation);
  if (lacksMemory(own, placement, peaks, candidate))
    choice.exceeding.push_back(std::move(candidate));
}

double Chooser::limit() const {
  std::vector<double> times;
  for (const Candidate &candidate : choice.fitting)
    times.push_back(candidate.time);
  if (times.size() < mostShown)
    return std::numeric_limits<double>::infinity();
  std::nth_element(times.begin(), times.begin() + mostShown - 1, times.end());
  return times[mostShown - 1] * (1 + 1e-9);
}

Error Chooser::nothingFits() const {
  if (choice.exceeding.empty())
    return Error{"no schedule is possible: " + lastError};
  const Candidate &least = choice.exceeding.front();
  return Error{"no schedule fits; the one that needs least is " + least.name() + ": " +
               least.exceeds->text};
}

ErrorOr<Choice> Chooser::run() {
  std::vector<Possible> all = findPossible();
  choice.count = all.size();
  for (Possible &possible : all) {
    if (possible.candidate.time > limit())
      ++choice.slower;
    else
      tryOrder(possible);
  }
  std::stable_sort(choice.fitting.begin(), choice.fitting.end(), isBefore);
  if (choice.fitting.size() > mostShown) {
    choice.slower += choice.fitting.size() - mostShown;
    choice.fitting.resize(mostShown);
  }
  std::stable_sort(choice.exceeding.begin(), choice.exceeding.end(),
                   [](auto &one, auto &other) { return one.excess < other.excess; });
  if (choice.fitting.empty())
    return nothingFits();
  return std::move(choice);
}

ErrorOr<Choice> bitpipe::schedule::choose(const Request &base, int mostStages) {
  return Chooser(base, mostStages).run();
}
