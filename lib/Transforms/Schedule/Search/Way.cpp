//===- Way.cpp - The way of one micro-batch --------------------------------===//

#include "lib/Transforms/Schedule/Search/Way.h"

using namespace bitpipe::schedule;

/// The time of a message with what a stage makes, 0 if its reader is on the
/// same device.
static MessageTime messageOf(const Problem &problem, const Route &route,
                             const Action &made) {
  int reader = made.kind == Kind::F ? made.stage + 1 : made.stage - 1;
  int from = route.devices[made.stage], to = route.devices[reader];
  return from == to ? MessageTime() : problem.costs.message(from, to, made);
}

Way bitpipe::schedule::follow(const Problem &problem, const Route &route) {
  const Costs &costs = problem.costs;
  int last = problem.placement.stages() - 1;
  Kind backward = problem.split ? Kind::I : Kind::B;
  std::vector<double> zeros(last + 1);
  Way way{zeros, zeros, zeros, 0};
  for (int stage = 0; stage < last; ++stage) {
    Action forward{Kind::F, false, stage, 0};
    Action gradient{backward, false, stage + 1, 0};
    way.arrival[stage + 1] = way.arrival[stage] + costs.time(forward) +
                             messageOf(problem, route, forward).total();
    way.rest[stage + 1] = way.rest[stage] +
                          messageOf(problem, route, gradient).total() +
                          costs.time({backward, false, stage, 0});
  }
  way.turn[last] = way.arrival[last] + costs.time({Kind::F, false, last, 0});
  // Elsewhere a recomputation goes on while the micro-batch is on its way.
  if (problem.placement.recomputes(last))
    way.turn[last] += costs.stage(last).recomputation();
  for (int stage = last; stage > 0; --stage) {
    Action gradient{backward, false, stage, 0};
    way.turn[stage - 1] = way.turn[stage] + costs.time(gradient) +
                          messageOf(problem, route, gradient).total();
  }
  way.total = way.turn[0] + costs.time({backward, false, 0, 0});
  if (problem.split)
    way.total += costs.stage(0).weightGradient;
  return way;
}
