//===- Tasks.cpp - The actions of a problem, numbered ----------------------===//

#include "lib/Transforms/Schedule/Search/Tasks.h"

#include "lib/Transforms/Schedule/Simulate/Simulate.h"

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

std::optional<Action> bitpipe::schedule::readerOf(const Problem &problem,
                                                  const Action &action) {
  Kind gradient = problem.split ? Kind::I : Kind::B;
  std::optional<Tensor> tensor = sent(problem.placement, action);
  if (tensor)
    return Action{tensor->sort == Tensor::Output ? Kind::F : gradient, false,
                  readerStage(problem.placement, *tensor), action.microbatch};
  if (action.kind == Kind::F)
    return Action{gradient, false, action.stage, action.microbatch};
  return {};
}

/// The time of the message with what an action makes, if it sends one.
static double messageTime(const Problem &problem, const Action &action) {
  int to = receiver(problem.placement, action);
  if (to < 0)
    return 0;
  int from = problem.placement.device(action.stage, action.microbatch);
  return problem.costs.message(from, to, action).total();
}

Priorities bitpipe::schedule::latestStarts(const Problem &problem,
                                           const Pass &pass) {
  Tasks tasks(problem);
  Priorities latest(tasks.count());
  // When the next action of each device has to start.
  std::vector<double> next(problem.placement.devices(), pass.makespan);
  for (size_t i = pass.sequence.size(); i-- > 0;) {
    Action action = tasks.action(pass.sequence[i]);
    int m = action.microbatch;
    double &end = next[problem.placement.device(action.stage, m)];
    if (action.kind == Kind::I)
      end = std::min(end, latest[tasks.index(Kind::W, action.stage, m)]);
    if (auto reader = readerOf(problem, action))
      end = std::min(end, latest[tasks.index(reader->kind, reader->stage, m)] -
                              messageTime(problem, action));
    end -= problem.costs.time(action);
    latest[pass.sequence[i]] = end;
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

Priorities bitpipe::schedule::prioritiesOf(const Problem &problem,
                                           const Order &order) {
  Tasks tasks(problem);
  Priorities result(tasks.count());
  ErrorOr<Timing> timing = simulate(problem.placement, order, problem.costs);
  for (size_t device = 0; timing && device < order.size(); ++device)
    for (size_t i = 0; i < order[device].size(); ++i) {
      const Action &action = order[device][i];
      result[tasks.index(action.kind, action.stage, action.microbatch)] =
          timing->start[device][i];
    }
  return result;
}
