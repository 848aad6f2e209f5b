//===- Measure.cpp - Schedules of one model in one unit --------------------===//

#include "lib/Transforms/Schedule/Choose/Measure.h"

#include "lib/Transforms/Schedule/Simulate/Communicate.h"

using namespace bitpipe::schedule;

/// A limit in stages of 2D in stages as the family counts, all of which a replica has.
static double ownLimit(const Request &request, const Placement &placement) {
  if (!request.order.empty() || !request.routes.empty())
    return request.memory * placement.stages() / commonStages(request);
  ErrorOr<const Family *> family = familyNamed(request.pipeline);
  return family ? request.memory * (*family)->chunks / (2 * request.replicas)
                : request.memory;
}

/// Whether stages are as large as they have devices.
static bool sharesOut(const Request &request) {
  ErrorOr<const Family *> family = familyNamed(request.pipeline);
  return family && (*family)->sharesStages && !request.stageReplicas.empty();
}

Costs bitpipe::schedule::ownCosts(const Costs &costs, const Request &request,
                                  const Placement &placement) {
  int from = commonStages(request);
  Costs sized = request.samples ? withSamples(costs, request.samples, request.efficiency) : costs;
  Costs own = sharesOut(request) ? recut(sized, from, request.stageReplicas)
                                 : recut(sized, from, placement.stages());
  return request.isSharded() ? withStateShared(own, placement, request.shard) : own;
}

Request bitpipe::schedule::inOwnStages(Request request,
                                       const Placement &placement) {
  request.costs = ownCosts(request.costs, request, placement);
  request.memory = ownLimit(request, placement);
  request.offload *= double(placement.stages()) / commonStages(request);
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
