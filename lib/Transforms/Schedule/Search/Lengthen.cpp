//===- Lengthen.cpp - Orders of few micro-batches for many -----------------===//

#include "lib/Transforms/Schedule/Search/Lengthen.h"

#include "lib/Transforms/Schedule/Search/Justify.h"
#include "lib/Transforms/Schedule/Simulate/Simulate.h"

#include <algorithm>

using namespace bitpipe::schedule;

Problem bitpipe::schedule::withFewer(const Problem &problem, size_t fewer) {
  std::vector<Route> routes = problem.placement.routes();
  // Those that are left keep their order, and are numbered anew.
  std::vector<std::pair<int, size_t>> left;
  for (size_t r = 0; r < routes.size(); ++r) {
    std::vector<int> &list = routes[r].microbatches;
    for (size_t i = 0; i + fewer < list.size(); ++i)
      left.push_back({list[i], r});
    list.clear();
  }
  std::sort(left.begin(), left.end());
  for (size_t m = 0; m < left.size(); ++m)
    routes[left[m].second].microbatches.push_back(int(m));
  Problem result = problem;
  result.placement = *Placement::make(problem.placement.devices(), std::move(routes));
  return result;
}

namespace {
/// How many actions of a device belong to the fill, for each device.
using Cut = std::vector<size_t>;

class Lengthening {
public:
  Lengthening(const Problem &problem, const Order &plain, const Problem &few,
              const Order &fewPlain, const Order &better)
      : problem(problem), few(few), plain(plain), fewPlain(fewPlain), better(better) {}
  std::optional<Order> run() const;

private:
  Cut cutAt(const Timing &timing, double time) const;
  bool isBetween(const Cut &cut) const;
  Action renamed(Action action, bool isLate) const;
  Order join(const Cut &cut) const;

  const Problem &problem, &few;
  const Order &plain, &fewPlain, &better;
};
} // namespace

/// The same action of the whole problem, counted from the first or the last micro-batch
/// of its route.
Action Lengthening::renamed(Action action, bool isLate) const {
  int route = few.placement.route(action.microbatch);
  const std::vector<int> &own = few.placement.routes()[route].microbatches;
  const std::vector<int> &all = problem.placement.routes()[route].microbatches;
  size_t at = std::lower_bound(own.begin(), own.end(), action.microbatch) - own.begin();
  action.microbatch = all[at + (isLate ? all.size() - own.size() : 0)];
  return action;
}

Cut Lengthening::cutAt(const Timing &timing, double time) const {
  Cut cut;
  for (const std::vector<double> &starts : timing.start)
    cut.push_back(std::lower_bound(starts.begin(), starts.end(), time) - starts.begin());
  return cut;
}

/// Whether the search has left every action on its side of the cut.
bool Lengthening::isBetween(const Cut &cut) const {
  Tasks tasks(few);
  std::vector<char> isEarly(tasks.count());
  auto index = [&](const Action &action) {
    return tasks.index(action.kind, action.stage, action.microbatch);
  };
  for (size_t device = 0; device < cut.size(); ++device)
    for (size_t i = 0; i < cut[device]; ++i)
      isEarly[index(fewPlain[device][i])] = 1;
  for (size_t device = 0; device < cut.size(); ++device)
    for (size_t i = 0; i < cut[device]; ++i)
      if (!isEarly[index(better[device][i])])
        return false;
  return true;
}

Order Lengthening::join(const Cut &cut) const {
  Order order(plain.size());
  for (size_t device = 0; device < plain.size(); ++device) {
    std::vector<Action> &list = order[device];
    size_t more = plain[device].size() - better[device].size();
    for (size_t i = 0; i < cut[device]; ++i)
      list.push_back(renamed(better[device][i], false));
    list.insert(list.end(), plain[device].begin() + cut[device],
                plain[device].begin() + cut[device] + more);
    for (size_t i = cut[device]; i < better[device].size(); ++i)
      list.push_back(renamed(better[device][i], true));
  }
  return order;
}

std::optional<Order> Lengthening::run() const {
  ErrorOr<Timing> timing = simulate(few.placement, fewPlain, few.costs);
  double period = intervalOf(few) * few.placement.devices() / 2;
  constexpr int places = 32;
  for (int i = 0; timing && i < places; ++i) {
    double shift = ((i + 1) / 2) * (i % 2 ? 1 : -1) * period / places;
    Cut cut = cutAt(*timing, timing->makespan / 2 + shift);
    if (!isBetween(cut))
      continue;
    Order order = join(cut);
    if (!problem.verify(order))
      return order;
  }
  return {};
}

std::optional<Order> bitpipe::schedule::lengthen(const Problem &problem,
                                                 const Order &plain,
                                                 const Problem &few,
                                                 const Order &fewPlain,
                                                 const Order &better) {
  return Lengthening(problem, plain, few, fewPlain, better).run();
}
