//===- Compare.cpp - Schedules side by side --------------------------------===//

#include "lib/Transforms/Schedule/Compare.h"

#include "lib/Transforms/Schedule/Bounds.h"

#include <algorithm>
#include <cstdio>
#include <ostream>
#include <sstream>

using namespace bitpipe::schedule;

Costs bitpipe::schedule::rescale(const Costs &costs, double stagesPerStage) {
  Costs result = costs;
  for (StageCost &stage : result.stages)
    for (double *value : {&stage.forward, &stage.inputGradient,
                          &stage.weightGradient, &stage.backward,
                          &stage.activation})
      *value *= stagesPerStage;
  return result;
}

namespace {
/// What a row tells. Activations and weights are counted in stages of 2D.
struct Row {
  double makespan = 0, bound = 0, idle = 0, bubble = 0;
  double activations = 0, weights = 0;
  int messages = 0;
  std::string error;
};
} // namespace

static Row measure(Request request) {
  Row row;
  // Families that schedule by cost are given those of their own stages.
  ErrorOr<Placement> placement = placementFor(request);
  if (!placement) {
    row.error = placement.error().text;
    return row;
  }
  double part = 2.0 * placement->devices() / placement->stages();
  Costs costs = rescale(request.costs, part);
  ErrorOr<Schedule> schedule = buildSchedule(request);
  if (!schedule) {
    row.error = schedule.error().text;
    return row;
  }
  ErrorOr<Simulated> simulated = simulateAll(std::move(*schedule), costs);
  if (!simulated) {
    row.error = simulated.error().text;
    return row;
  }
  row.makespan = simulated->timing.makespan;
  row.bound = bounds(*simulated).anyMemory;
  row.bubble = bubble(simulated->use, simulated->timing);
  for (const DeviceUse &use : simulated->use) {
    row.idle = std::max(row.idle, use.idle);
    row.activations = std::max(row.activations, use.peakActivation);
    row.weights = std::max(row.weights, use.weights * part);
    row.messages += use.messages;
  }
  return row;
}

void bitpipe::schedule::emitComparison(std::ostream &stream,
                                       const Request &base,
                                       const std::string &names,
                                       const std::vector<int> &microbatches) {
  char text[512];
  std::snprintf(text, sizeof(text),
                "%-24s %6s %10s %10s %8s %8s %12s %8s %9s %7s\n", "schedule",
                "N", "makespan", "bound", "idle", "bubble", "activations",
                "weights", "messages", "speed");
  stream << text;
  for (int count : microbatches) {
    double first = 0;
    std::istringstream list(names);
    for (std::string name; std::getline(list, name, ',');) {
      Request request = base;
      request.pipeline = name;
      request.microbatches = count;
      Row row = measure(request);
      if (!row.error.empty()) {
        std::snprintf(text, sizeof(text), "%-24s %6d ", name.c_str(), count);
        stream << text << row.error << '\n';
        continue;
      }
      first = first > 0 ? first : row.makespan;
      std::snprintf(text, sizeof(text),
                    "%-24s %6d %10.6g %10.6g %8.6g %7.2f%% %12.6g %8.6g %9d "
                    "%6.3fx\n",
                    name.c_str(), count, row.makespan, row.bound, row.idle,
                    100 * row.bubble, row.activations, row.weights,
                    row.messages, first / row.makespan);
      stream << text;
    }
  }
}
