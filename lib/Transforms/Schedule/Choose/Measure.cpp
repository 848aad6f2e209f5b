//===- Measure.cpp - Schedules of one model in one unit --------------------===//

#include "lib/Transforms/Schedule/Choose/Measure.h"

using namespace bitpipe::schedule;

/// A limit in stages of 2D in stages as the family counts, all of which a replica has.
static double ownLimit(const Request &request) {
  ErrorOr<const Family *> family = familyNamed(request.pipeline);
  return family ? request.memory * (*family)->chunks / (2 * request.replicas)
                : request.memory;
}

Request bitpipe::schedule::inOwnStages(Request request,
                                       const Placement &placement) {
  request.costs =
      recut(request.costs, commonStages(request), placement.stages());
  request.memory = ownLimit(request);
  return request;
}

ErrorOr<Simulated> bitpipe::schedule::measure(const Request &request) {
  ErrorOr<Placement> placement = placementFor(request);
  if (!placement)
    return placement.error();
  Request own = inOwnStages(request, *placement);
  ErrorOr<Schedule> schedule = buildSchedule(own);
  if (!schedule)
    return schedule.error();
  return simulateAll(std::move(*schedule), own.costs);
}

double bitpipe::schedule::stepTime(const Simulated &simulated) {
  return simulated.costs.hasUpdates() ? simulated.step : simulated.iterationEnd;
}
