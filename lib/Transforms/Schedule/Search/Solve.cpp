//===- Solve.cpp - An order near the best for a problem --------------------===//
//
// Orders are constructed (Starts.h), and the shortest of them improved by local search
// (LocalSearch.h), until one meets the lower bound. Waves, scheduled to and fro, meet it
// at once where memory is not short and messages cost little, BitPipe's groups in 2D
// activations. Schedulers that let no device wait while it could do something take the
// next best thing where the right one is about to arrive; so with messages devices wait
// for it, and orders that are good without messages are further starts.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Search/Solve.h"

#include "lib/Transforms/Schedule/Search/Lengthen.h"
#include "lib/Transforms/Schedule/Search/LocalSearch.h"
#include "lib/Transforms/Schedule/Search/Starts.h"

#include <algorithm>
#include <limits>
#include <list>

using namespace bitpipe::schedule;

/// Random numbers of the searches. Any will do; with these ones all that the
/// documentation tells of is found.
static constexpr unsigned firstSeed = 10;

namespace {
class Solver {
public:
  Solver(const Problem &problem, double effort)
      : problem(problem), starts(problem),
        visits(size_t(effort * std::min(2e8, 2e5 * double(Tasks(problem).count())))) {}
  Order run();

private:
  void offerWithoutMessages();
  void offerGroupsWithMessages();
  void improve();
  void startSearches();
  void dropWorst();

  const Problem &problem;
  Starts starts;
  /// What the searches may take together.
  const size_t visits;
  std::list<LocalSearch> searches;
};
} // namespace

void Solver::offerWithoutMessages() {
  Problem simpler = problem;
  simpler.costs = problem.costs.withoutMessages();
  Starts without(simpler);
  without.offerWaves();
  for (Start &start : without.take())
    starts.offer(std::move(start.order), Start::WithoutMessages);
}

/// Of all orders those of groups mind messages least: while a slot is worked off, the
/// messages of the one before arrive. With many micro-batches their fill and drain are
/// improved with few.
void Solver::offerGroupsWithMessages() {
  std::optional<Order> plain = groupsWithMessages(problem);
  if (!plain)
    return;
  starts.offer(*plain, Start::Groups);
  starts.offerTimetable();
  size_t devices = problem.placement.devices();
  size_t groups = problem.placement.microbatches() / devices;
  if (groups < 6)
    return;
  Problem few = withFewer(problem, (groups - 4) * devices / 2);
  std::optional<Order> fewPlain = groupsWithMessages(few);
  if (!fewPlain)
    return;
  LocalSearch search(few, *fewPlain, firstSeed + 1);
  // What has fewer actions is improved as well in less time.
  search.run(size_t(double(visits) * std::min(1.0, double(Tasks(few).count()) / 1e5)));
  std::optional<Order> better = lengthen(problem, few, search.best());
  if (better)
    starts.offer(std::move(*better), Start::Lengthened);
}

/// From all starts that are not far behind the shortest.
void Solver::startSearches() {
  unsigned seed = firstSeed;
  double gap = starts.shortest().makespan - starts.bound();
  for (const Start &start : starts.all())
    if (start.makespan - starts.bound() <= 4 * gap)
      searches.emplace_back(problem, start.order, ++seed);
}

/// Half of the searches, and those that are far behind the shortest.
void Solver::dropWorst() {
  searches.sort([](const LocalSearch &one, const LocalSearch &other) {
    return one.makespan() < other.makespan();
  });
  double gap = searches.front().makespan() - starts.bound();
  size_t half = (searches.size() + 1) / 2;
  while (searches.size() > half ||
         searches.back().makespan() - starts.bound() > 3 * gap)
    searches.pop_back();
}

/// In rounds of the same length, with fewer searches in each: the last one has a round
/// for itself.
void Solver::improve() {
  startSearches();
  size_t rounds = 1;
  for (size_t left = searches.size(); left > 1; left = (left + 1) / 2)
    ++rounds;
  // What is out of reach of the caches takes longer.
  double share = std::min(1.0, 1e5 / double(Tasks(problem).count()));
  for (bool isLast = false; !isLast;) {
    isLast = searches.size() == 1;
    size_t each = size_t(share * double(visits)) / rounds / searches.size();
    for (LocalSearch &search : searches) {
      search.run(each);
      if (search.makespan() <= starts.bound()) {
        starts.offer(search.best(), Start::Improved);
        return;
      }
    }
    if (!isLast)
      dropWorst();
  }
  starts.offer(searches.front().best(), Start::Improved);
}

Order Solver::run() {
  starts.offerWaves();
  if (!starts.isDone() && problem.costs.hasMessages()) {
    offerGroupsWithMessages();
    offerWithoutMessages();
  } else if (!starts.isDone()) {
    starts.offerGroups();
  }
  if (!starts.isDone())
    improve();
  return starts.shortest().order;
}

ErrorOr<Order> bitpipe::schedule::solve(const Problem &problem, double effort) {
  if (std::optional<Error> wrong = problem.check())
    return *wrong;
  return Solver(problem, effort).run();
}
