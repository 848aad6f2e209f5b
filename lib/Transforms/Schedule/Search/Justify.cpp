//===- Justify.cpp - A shorter order, to and fro ---------------------------===//

#include "lib/Transforms/Schedule/Search/Justify.h"

#include "lib/Transforms/Schedule/Search/GroupWave.h"
#include "lib/Transforms/Schedule/Search/PriorityScheduler.h"
#include "lib/Transforms/Schedule/Search/Way.h"

#include <algorithm>
#include <limits>

using namespace bitpipe::schedule;

double bitpipe::schedule::between(double low, double high,
                                  std::mt19937_64 &random) {
  return low + (high - low) * double(random() >> 11) / double(1ull << 53);
}

double bitpipe::schedule::intervalOf(const Problem &problem) {
  const Placement &placement = problem.placement;
  std::vector<double> work(placement.devices());
  for (const Route &route : placement.routes())
    for (int stage = 0; stage < placement.stages(); ++stage)
      work[route.devices[stage]] += problem.costs.workOf(stage, problem.split) *
                                    route.microbatches.size();
  double most = *std::max_element(work.begin(), work.end());
  return most * placement.routes().size() / placement.microbatches();
}

double bitpipe::schedule::longestWait(const Problem &problem) {
  double shortest = std::numeric_limits<double>::infinity();
  for (int stage = 0; stage < problem.placement.stages(); ++stage)
    shortest = std::min(shortest, problem.costs.stage(stage).forward);
  return 0.99 * shortest;
}

Wave bitpipe::schedule::drawWave(const Problem &problem, std::mt19937_64 &random) {
  Tasks tasks(problem);
  Wave wave{Priorities(tasks.count()), 0};
  double pace = between(0.75, 1.1, random) * intervalOf(problem);
  double forward = between(0.5, 1.2, random);
  double backward = between(2.2, 3.3, random);
  Flow flow(problem.placement, problem.split);
  size_t half = size_t(problem.placement.devices()) / 2;
  if (problem.split && random() % 2)
    wave.entered = std::max<size_t>(1, half) + random() % (half + 1);
  if (!problem.split && problem.costs.hasMessages() && !hasGroups(problem))
    wave.wait = between(0, longestWait(problem), random);
  for (const Route &route : problem.placement.routes()) {
    Way way = follow(problem, flow, route);
    double last = way.head[flow.gradients.back()];
    for (size_t i = 0; i < route.microbatches.size(); ++i)
      for (int stage = 0; stage < problem.placement.stages(); ++stage) {
        int m = route.microbatches[i];
        double entered = pace * i;
        double turned = entered + forward * last;
        double gradient = turned + backward * (way.head[flow.gradients[stage]] - last);
        Kind kind = problem.split ? Kind::I : Kind::B;
        wave.priorities[tasks.index(Kind::F, stage, m)] =
            entered + forward * way.head[flow.forwards[stage]];
        wave.priorities[tasks.index(kind, stage, m)] = gradient;
        if (problem.split)
          wave.priorities[tasks.index(Kind::W, stage, m)] = gradient + pace;
      }
  }
  return wave;
}

Wave bitpipe::schedule::forwardsFirst(const Problem &problem) {
  Tasks tasks(problem);
  Wave wave{Priorities(tasks.count()), 0};
  int stages = problem.placement.stages(), count = problem.placement.microbatches();
  double interval = intervalOf(problem), all = interval * stages * count;
  for (int stage = 0; stage < stages; ++stage)
    for (int m = 0; m < count; ++m) {
      double early = interval * (double(stage) * count + m);
      double late = interval * (double(stages - 1 - stage) * count + m);
      Kind gradient = problem.split ? Kind::I : Kind::B;
      wave.priorities[tasks.index(Kind::F, stage, m)] = late;
      wave.priorities[tasks.index(gradient, stage, m)] = all + early;
      if (problem.split)
        wave.priorities[tasks.index(Kind::W, stage, m)] = 2 * all + interval * m;
    }
  return wave;
}

/// How much longer devices wait on the way back, where gradients, which are longer than
/// forwards, come first.
static constexpr double backward = 1.5;

namespace {
class Justification {
public:
  Justification(const Problem &problem, size_t patience,
                std::mt19937_64 &random, size_t entered, double wait)
      : problem(problem), patience(patience), entered(entered), wait(wait), random(random),
        bound(lowerBound(problem) * (1 + 1e-9)), step(intervalOf(problem)) {}
  Found run(Priorities priorities);

private:
  /// Takes a pass if it is the shortest; then `from` is where to go on.
  void consider(const Pass &pass, const Priorities &from);
  Priorities thereAndBack(const Priorities &priorities);
  void shake(Priorities &priorities);

  const Problem &problem;
  size_t patience, entered;
  double wait;
  std::mt19937_64 &random;
  double bound, step;
  size_t stalled = 0;
  Priorities base;
  Found found{{}, std::numeric_limits<double>::infinity(), 0};
};
} // namespace

void Justification::consider(const Pass &pass, const Priorities &from) {
  ++found.tries;
  ++stalled;
  if (!pass.complete || pass.makespan >= found.makespan)
    return;
  found.makespan = pass.makespan;
  found.order = orderOf(problem, pass);
  base = from;
  stalled = 0;
}

/// The times of one pass each way, or the priorities where memory ran out.
Priorities Justification::thereAndBack(const Priorities &priorities) {
  Pass there = scheduleForward(problem, priorities, entered, wait);
  if (!there.complete) {
    consider(there, priorities);
    return base.empty() ? priorities : base;
  }
  Priorities latest = latestStarts(problem, there);
  consider(there, latest);
  Pass back = scheduleBackward(problem, latest, backward * wait);
  consider(back, back.start);
  return back.complete ? back.start : latest;
}

/// By about a fifth of the time between two micro-batches, now less, now more.
void Justification::shake(Priorities &priorities) {
  double most = step / 12 * between(1, 5, random);
  for (double &priority : priorities)
    priority += between(-most, most, random);
}

Found Justification::run(Priorities priorities) {
  base = priorities;
  while (stalled < patience && found.makespan > bound) {
    if (stalled > 3) {
      priorities = base;
      shake(priorities);
    }
    priorities = thereAndBack(priorities);
  }
  return std::move(found);
}

Found bitpipe::schedule::justify(const Problem &problem, Wave wave,
                                 size_t patience, std::mt19937_64 &random) {
  return Justification(problem, patience, random, wave.entered, wave.wait)
      .run(std::move(wave.priorities));
}
