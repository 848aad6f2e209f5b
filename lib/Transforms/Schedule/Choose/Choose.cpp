//===- Choose.cpp - The fastest schedule that fits -------------------------===//

#include "lib/Transforms/Schedule/Choose/Choose.h"

#include "lib/Transforms/Schedule/Choose/Dimensions.h"
#include "lib/Transforms/Schedule/Choose/LayOut.h"
#include "lib/Transforms/Schedule/Choose/Try.h"
#include "lib/Transforms/Schedule/Families/Shared/OrderStore.h"
#include "lib/Transforms/Schedule/Search/Bounds.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

using namespace bitpipe::schedule;

namespace {
/// A combination that is possible, and what it takes at least.
struct Possible {
  Request request;
  Placement placement;
  double least = 0;
};

class Chooser {
public:
  Chooser(const Request &base, const Scope &scope)
      : base(base), scope(scope), layouts(scope.layout) {}
  ErrorOr<Choice> run();

private:
  void findPossible();
  void add(const Request &request);
  void tryAll();
  void tryOne(const Request &request, const Placement &placement);
  void tryWithLess(const Request &request);
  std::optional<Error> layOut(Candidate one);
  std::optional<Error> layOutFastest();
  std::optional<Error> layOutLeast();
  void finish();
  void orderExceeding();
  void orderAgain(std::vector<Candidate>::iterator one, Tried tried);
  bool needsLess(const Candidate &one, const Candidate &other) const;
  /// The time that one must not exceed to be shown.
  double limit() const;
  Error nothingFits() const;

  const Request &base;
  const Scope &scope;
  std::vector<Possible> possible;
  size_t next = 0; // of these
  Choice choice;
  LayOuts layouts;
  std::optional<Candidate> best; // of those that were laid out and fit
  std::string lastError;
};
} // namespace

static bool isBefore(const Candidate &one, const Candidate &other) {
  // Times that differ by rounding are the same.
  double slack = 1e-9 * std::max(one.time, other.time);
  if (std::abs(one.time - other.time) > slack)
    return one.time < other.time;
  auto rest = [](const Candidate &c) {
    int added = c.recomputes() + c.request.balance + int(c.request.shard);
    return std::tuple(added, c.memory, c.weights, c.messages, c.request.replicas,
                      c.request.chunks);
  };
  return rest(one) < rest(other);
}

void Chooser::add(const Request &request) {
  ErrorOr<Placement> placement = placementFor(request);
  if (!placement) {
    lastError = placement.error().text;
    return;
  }
  if (scope.mostStages && placement->stages() > scope.mostStages)
    return;
  // Chosen where it is something else than without.
  if (request.isSharded() && !base.isSharded() && !sharesAny(*placement, request.shard))
    return;
  Costs costs = ownCosts(request.costs, request, *placement);
  if (std::optional<Error> wrong = costs.check(*placement)) {
    lastError = wrong->text;
    return;
  }
  bool slices = request.isSharded() && (costs.hasUpdates() || request.shard != Shard::Optimizer);
  possible.push_back({request, std::move(*placement), 0});
  possible.back().least = leastTime(possible.back().placement, costs, slices);
}

void Chooser::findPossible() {
  Request shared = base;
  shared.orders = std::make_shared<OrderStore>();
  for (const Request &request : combinations(shared, scope))
    add(request);
  std::stable_sort(possible.begin(), possible.end(),
                   [](auto &one, auto &other) { return one.least < other.least; });
  choice.count = possible.size();
}

void Chooser::tryOne(const Request &request, const Placement &placement) {
  Tried tried = tryOrder(request, placement, scope);
  if (tried.candidate && !tried.candidate->exceeds) {
    choice.fitting.push_back(std::move(*tried.candidate));
    return;
  }
  lastError = tried.error.empty() ? lastError : tried.error;
  if (!tried.candidate)
    return;
  choice.exceeding.push_back(std::move(*tried.candidate));
  tryWithLess(request);
}

void Chooser::tryWithLess(const Request &request) {
  ErrorOr<Placement> placement = placementFor(request);
  for (const Request &less : memorySavers(request, *placement, scope)) {
    ++choice.count;
    tryOne(less, *placement);
  }
}

double Chooser::limit() const {
  std::vector<double> times;
  for (const Candidate &candidate : choice.fitting)
    times.push_back(candidate.time);
  if (best)
    times.push_back(best->time);
  if (times.size() < mostShown)
    return std::numeric_limits<double>::infinity();
  std::nth_element(times.begin(), times.begin() + mostShown - 1, times.end());
  return times[mostShown - 1] * (1 + 1e-9);
}

/// All that may be among those that will be shown.
void Chooser::tryAll() {
  for (; next < possible.size() && possible[next].least <= limit(); ++next)
    tryOne(possible[next].request, possible[next].placement);
  std::stable_sort(choice.fitting.begin(), choice.fitting.end(), isBefore);
}

Error Chooser::nothingFits() const {
  if (choice.exceeding.empty())
    return Error{"no schedule is possible: " + lastError};
  const Candidate &least = choice.exceeding.front();
  // What a layout needs is known of those that have one, and no more than expected of others.
  std::string known = least.laidOut > 0 ? "of those that were laid out the one that needs least is "
                                        : "the one that is expected to need least is ";
  return Error{"no schedule fits; " + known + least.name() + ": " + least.exceeds->text};
}

/// Lays one candidate out: it is the best one so far, or slower, or makes room for others.
std::optional<Error> Chooser::layOut(Candidate one) {
  if (std::optional<Error> wrong = layouts.layOut(one))
    return wrong;
  ++choice.laidOut;
  if (one.exceeds) {
    Request request = one.request;
    choice.exceeding.push_back(std::move(one));
    tryWithLess(request);
    return {};
  }
  if (best && isBefore(*best, one)) {
    choice.fitting.push_back(std::move(one));
    return {};
  }
  if (best)
    choice.fitting.push_back(std::move(*best));
  best = std::move(one);
  return {};
}

/// Until the fastest one that fits by its layout is known: none that is faster is expected to
/// fit, by all layouts that were made.
std::optional<Error> Chooser::layOutFastest() {
  while (true) {
    layouts.readmit(choice.fitting);
    tryAll();
    if (layouts.putOff(choice.fitting))
      continue; // There are fewer now.
    if (best && (choice.fitting.empty() || !isBefore(choice.fitting.front(), *best)))
      break;
    std::optional<Candidate> one = layouts.take(choice.fitting);
    if (!one)
      break;
    if (std::optional<Error> wrong = layOut(std::move(*one)))
      return wrong;
  }
  if (best)
    choice.fitting.insert(choice.fitting.begin(), std::move(*best));
  return {};
}

/// Like beside like: where there are layouts, by these, and of equal ones those first that were made.
bool Chooser::needsLess(const Candidate &one, const Candidate &other) const {
  if (!scope.layout)
    return one.excess < other.excess;
  auto need = [&](const Candidate &c) { return std::pair(layouts.expected(c), !c.laidOut); };
  return need(one) < need(other);
}

/// Puts what an order says in the place of what was known without.
void Chooser::orderAgain(std::vector<Candidate>::iterator one, Tried tried) {
  if (tried.candidate) {
    *one = std::move(*tried.candidate);
    return;
  }
  lastError = tried.error;
  choice.exceeding.erase(one);
}

/// What those need that are shown, by an order: all others need at least as much more.
void Chooser::orderExceeding() {
  while (true) {
    std::stable_sort(choice.exceeding.begin(), choice.exceeding.end(),
                     [&](auto &one, auto &other) { return needsLess(one, other); });
    auto end = choice.exceeding.begin() + std::min(choice.exceeding.size(), mostExceeding);
    auto found = std::find_if(choice.exceeding.begin(), end,
                              [](const Candidate &one) { return one.isUnordered; });
    if (found == end)
      return;
    orderAgain(found, tryOrdered(found->request, *placementFor(found->request), scope));
  }
}

/// Where nothing fits: until the one that is expected to need least is laid out.
std::optional<Error> Chooser::layOutLeast() {
  layouts.giveUp(choice.exceeding);
  for (orderExceeding(); !choice.exceeding.empty() && layouts.mayLearn(); orderExceeding()) {
    Candidate &least = choice.exceeding.front();
    if (least.laidOut)
      return {};
    if (!least.time) {
      orderAgain(choice.exceeding.begin(), tryInFull(least.request, *placementFor(least.request), scope));
      continue;
    }
    if (std::optional<Error> wrong = layouts.layOut(least))
      return wrong;
    ++choice.laidOut;
    if (least.laidOut > scope.layout->memory())
      continue;
    // It was counted to need more than it does.
    least.exceeds.reset();
    choice.fitting.push_back(std::move(least));
    choice.exceeding.erase(choice.exceeding.begin());
    return {};
  }
  return {};
}

void Chooser::finish() {
  layouts.giveUp(choice.exceeding);
  choice.slower = possible.size() - next;
  if (choice.fitting.size() > mostShown) {
    choice.slower += choice.fitting.size() - mostShown;
    choice.fitting.resize(mostShown);
  }
  orderExceeding();
  layouts.explain(choice.exceeding);
  for (std::vector<Candidate> *list : {&choice.fitting, &choice.exceeding})
    for (Candidate &candidate : *list)
      candidate.request.orders = nullptr;
}

ErrorOr<Choice> Chooser::run() {
  choice.sizeUnit = scope.layout ? scope.layout->sizes.sizeUnit : base.costs.sizeUnit;
  choice.isLimited = scope.limitsMemory(base);
  choice.batch = scope.sizes.empty() ? 0 : scope.batch;
  findPossible();
  if (scope.layout && choice.isLimited) {
    if (std::optional<Error> wrong = layOutFastest())
      return *wrong;
    if (choice.fitting.empty())
      if (std::optional<Error> wrong = layOutLeast())
        return *wrong;
  } else {
    tryAll();
  }
  finish();
  if (choice.fitting.empty())
    return nothingFits();
  return std::move(choice);
}

ErrorOr<Choice> bitpipe::schedule::choose(const Request &base, const Scope &scope) {
  return Chooser(base, scope).run();
}
