//===- Report.h - The table at the end of a run ---------------------------===//

#ifndef BITPIPE_RUNTIME_TRAIN_REPORT_H
#define BITPIPE_RUNTIME_TRAIN_REPORT_H

#include "lib/Runtime/Train/Gathered.h"

namespace bitpipe {

/// What the devices would have waited, as a share of their time, if nothing but the
/// schedule made them wait.
struct PredictedBubble {
  double onCores;      // on the cores that there are
  double undisturbed; // with a core for every device, and one for its sums
};

/// Prints step time, tokens per second, bubble and memory per device, and the
/// time by kind of work. `stepSeconds` is what every step took.
void printReport(const std::vector<ProcessReport> &processes,
                 std::vector<double> stepSeconds, int64_t tokensPerStep,
                 PredictedBubble predicted);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRAIN_REPORT_H
