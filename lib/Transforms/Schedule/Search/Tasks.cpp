//===- Tasks.cpp - The actions of a problem, numbered ----------------------===//

#include "lib/Transforms/Schedule/Search/Tasks.h"

#include "lib/Transforms/Schedule/Search/Way.h"

#include <algorithm>

using namespace bitpipe::schedule;

Action Tasks::action(size_t task) const {
  int m = int(task / perMicrobatch()), at = int(task % perMicrobatch());
  if (at < stages)
    return {Kind::F, false, at, m};
  if (at < 2 * stages)
    return {split ? Kind::I : Kind::B, false, 2 * stages - 1 - at, m};
  return {Kind::W, false, at - 2 * stages, m};
}

Priorities bitpipe::schedule::latestStarts(const Problem &problem,
                                           const Pass &pass) {
  const Placement &placement = problem.placement;
  Flow flow(placement, problem.split);
  Priorities latest(pass.start.size());
  // When the next action of each device has to start.
  std::vector<double> next(placement.devices(), pass.makespan);
  for (size_t i = pass.sequence.size(); i-- > 0;) {
    size_t task = pass.sequence[i], first = task - task % flow.runs.size();
    const Flow::Run &run = flow.runs[task - first];
    const Route &route = placement.routes()[placement.route(int(task / flow.runs.size()))];
    double &end = next[route.devices[run.stage]];
    for (int reader : run.readers)
      end = std::min(end, latest[first + reader] -
                              messageTime(problem, route, run, flow.runs[reader]));
    end -= problem.costs.time({run.kind, false, run.stage, 0});
    latest[task] = end;
  }
  return latest;
}

Order bitpipe::schedule::orderOf(const Problem &problem, const Pass &pass) {
  Tasks tasks(problem);
  Order order(problem.placement.devices());
  for (size_t task : pass.sequence) {
    Action action = tasks.action(task);
    int device = problem.placement.device(action.stage, action.microbatch);
    order[device].push_back(action);
  }
  return order;
}
