//===- Predict.h - When everything in a step will happen -------------------===//

#ifndef BITPIPE_RUNTIME_PLAN_PREDICT_H
#define BITPIPE_RUNTIME_PLAN_PREDICT_H

#include "lib/Runtime/Plan/WorkTimes.h"

#include <map>

namespace bitpipe {

struct PredictedEvent {
  enum Kind { Step, Work, Wait } kind;
  /// A Step has its number for an instruction, from 0; a Wait between steps the
  /// number behind the last one.
  size_t device, instruction;
  double begin, end;
};

struct Prediction {
  /// From the end of a step to the end of the next, once under way. In seconds.
  double step = 0;
  /// When all have ended the first step.
  double firstEnd = 0;
  /// Of a step, how long each device waits.
  std::vector<double> idle;
  /// Of the first steps, as asked for; each device's in the order of their ends.
  std::vector<PredictedEvent> events;

  /// The share of all devices' time that they wait.
  double bubble() const;
};

/// Some devices that share processors, and how many of them can compute at once.
struct Machine {
  std::vector<size_t> devices;
  int64_t processors;
};

/// By the rank of a receiver: messages of up to so many bytes leave before it asks for them.
using EagerBytes = std::map<size_t, int64_t>;
inline bool leavesUnasked(const EagerBytes &most, size_t to, int64_t bytes) {
  auto found = most.find(to);
  return found != most.end() && bytes <= found->second;
}

struct PredictOptions {
  /// Devices that are on none of them have a processor each, and one for sums.
  std::vector<Machine> machines;
  /// By device, if there are several: between them messages go through a network
  /// that is looked at now and then (Pacing.h).
  std::vector<size_t> processes;
  /// Of each process; empty: none has any.
  std::vector<EagerBytes> eagerBytes;
  int64_t tracedSteps = 0; // whose events are wanted
};

/// Goes through some steps of a training without computing. The program must have
/// passed checkProgress.
Prediction predict(const Program &program, const Links &links,
                   const WorkTimes &times, const PredictOptions &options = {});

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_PLAN_PREDICT_H
