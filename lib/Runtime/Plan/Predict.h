//===- Predict.h - When everything in a step will happen -------------------===//

#ifndef BITPIPE_RUNTIME_PLAN_PREDICT_H
#define BITPIPE_RUNTIME_PLAN_PREDICT_H

#include "lib/Runtime/Plan/WorkTimes.h"

namespace bitpipe {

struct PredictedEvent {
  enum Kind { Step, Work, Wait } kind;
  size_t device, instruction; // of a Step: its number, from 0
  double begin, end;
};

struct Prediction {
  /// From the end of a step to the end of the next, once under way. In seconds.
  double step = 0;
  /// Of it, how long each device waits.
  std::vector<double> idle;
  /// Of the first steps, as asked for; each device's in the order of their ends.
  std::vector<PredictedEvent> events;

  /// The share of all devices' time that they wait.
  double bubble() const;
};

struct PredictOptions {
  int64_t processors = 0;  // that devices share, 0: as many as they like
  int64_t tracedSteps = 0; // whose events are wanted
};

/// Goes through some steps of a training without computing. The program must have
/// passed checkProgress.
Prediction predict(const Program &program, const Links &links,
                   const WorkTimes &times, const PredictOptions &options = {});

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_PLAN_PREDICT_H
