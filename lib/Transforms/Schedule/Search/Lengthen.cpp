//===- Lengthen.cpp - Orders of few micro-batches for many -----------------===//

#include "lib/Transforms/Schedule/Search/Lengthen.h"

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
class Lengthening {
public:
  Lengthening(const Problem &problem, const Problem &few, const Order &order)
      : problem(problem), few(few), order(order),
        fewer((problem.placement.microbatches() - few.placement.microbatches()) / 2) {}
  std::optional<Order> run() const;

private:
  Action renamed(Action action, size_t later) const;
  std::vector<Action> repeated(const std::vector<Action> &list, size_t first) const;

  const Problem &problem, &few;
  const Order &order;
  /// Of each route.
  const size_t fewer;
};
} // namespace

/// The same action of the whole problem, for a micro-batch so many later on its route.
Action Lengthening::renamed(Action action, size_t later) const {
  int route = few.placement.route(action.microbatch);
  const std::vector<int> &own = few.placement.routes()[route].microbatches;
  size_t at = std::lower_bound(own.begin(), own.end(), action.microbatch) - own.begin();
  action.microbatch = problem.placement.routes()[route].microbatches[at + later];
  return action;
}

/// A device's list, with what it runs for as many micro-batches as there are devices from
/// `first` on again and again.
std::vector<Action> Lengthening::repeated(const std::vector<Action> &list, size_t first) const {
  std::vector<Action> longer;
  size_t behind = first + list.size() * order.size() / few.placement.microbatches();
  for (size_t later = 0; later <= fewer; later += order.size() / 2) {
    size_t end = later == fewer ? list.size() : std::min(behind, list.size());
    for (size_t i = later ? first : 0; i < end; ++i)
      longer.push_back(renamed(list[i], later));
  }
  return longer;
}

/// What is made at other places than where the order repeats itself runs something twice.
std::optional<Order> Lengthening::run() const {
  ErrorOr<Timing> timing = simulate(few.placement, order, few.costs);
  constexpr int places = 16;
  for (int i = 0; timing && i < places; ++i) {
    double middle = 0.5 + ((i + 1) / 2) * (i % 2 ? 0.5 : -0.5) / places;
    Order longer;
    for (size_t device = 0; device < order.size(); ++device) {
      const std::vector<double> &starts = timing->start[device];
      auto first = std::lower_bound(starts.begin(), starts.end(), timing->makespan * middle);
      longer.push_back(repeated(order[device], first - starts.begin()));
    }
    if (!problem.verify(longer))
      return longer;
  }
  return {};
}

std::optional<Order> bitpipe::schedule::lengthen(const Problem &problem, const Problem &few,
                                                 const Order &order) {
  return Lengthening(problem, few, order).run();
}
