//===- Way.cpp - The way of one micro-batch --------------------------------===//

#include "lib/Transforms/Schedule/Search/Way.h"

#include <algorithm>

using namespace bitpipe::schedule;

static Action actionOf(const Flow::Run &run) { return {run.kind, false, run.stage, 0}; }

double bitpipe::schedule::messageTime(const Problem &problem, const Route &route,
                                      const Flow::Run &maker, const Flow::Run &reader) {
  int from = route.devices[maker.stage], to = route.devices[reader.stage];
  return from == to ? 0 : problem.costs.message(from, to, actionOf(maker)).total();
}

Way bitpipe::schedule::follow(const Problem &problem, const Flow &flow, const Route &route) {
  Way way{std::vector<double>(flow.runs.size()), std::vector<double>(flow.runs.size())};
  for (size_t i = 0; i < flow.runs.size(); ++i) {
    const Flow::Run &run = flow.runs[i];
    for (int from : run.makers) {
      const Flow::Run &maker = flow.runs[from];
      double made = way.head[from] + problem.costs.time(problem.placement, actionOf(maker));
      way.head[i] = std::max(way.head[i], made + messageTime(problem, route, maker, run));
    }
    way.length = std::max(way.length, way.head[i] + problem.costs.time(problem.placement, actionOf(run)));
  }
  for (size_t i = flow.runs.size(); i-- > 0;)
    for (int to : flow.runs[i].readers) {
      const Flow::Run &reader = flow.runs[to];
      double rest = problem.costs.time(problem.placement, actionOf(reader)) + way.tail[to];
      way.tail[i] =
          std::max(way.tail[i], messageTime(problem, route, flow.runs[i], reader) + rest);
    }
  return way;
}
