//===- Progress.h - A line per step ---------------------------------------===//
//
// On a terminal one line that changes, otherwise plain lines, seldom enough to
// read.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_TRAIN_PROGRESS_H
#define BITPIPE_RUNTIME_TRAIN_PROGRESS_H

#include "lib/Runtime/Train/Metrics.h"
#include "lib/Runtime/Execute/Recorder.h"

namespace bitpipe {

class Progress {
public:
  /// Of a run that goes on after so many steps and ends after `steps`.
  Progress(int64_t done, int64_t steps);

  /// On a terminal the line stays open; see OpenLine.
  void show(const StepMetrics &step);
  void show(const EvaluationMetrics &evaluation);

private:
  int64_t begin, steps;
  bool terminal;
  bool notFinite = false; // the last step was not
  Nanoseconds start, lastShown = 0;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRAIN_PROGRESS_H
