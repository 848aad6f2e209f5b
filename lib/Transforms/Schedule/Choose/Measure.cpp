//===- Measure.cpp - Schedules of one model in one unit --------------------===//

#include "lib/Transforms/Schedule/Choose/Measure.h"

#include "lib/Transforms/Schedule/Simulate/Communicate.h"

using namespace bitpipe::schedule;

/// How many of a request's own stages, as its family counts them and all of which a replica has, one of 2D is.
static double ownStages(const Request &request, const Placement &placement) {
  if (!request.order.empty() || !request.routes.empty())
    return double(placement.stages()) / commonStages(request);
  ErrorOr<const Family *> family = familyNamed(request.pipeline);
  return family ? double((*family)->chunks) / (2 * request.replicas) : 1;
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
  double own = ownStages(request, placement);
  request.memoryCounts /= own;
  request.memory *= own;
  request.offloadCounts = double(commonStages(request)) / placement.stages();
  request.offload /= request.offloadCounts;
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
