//===- Report.h - The table at the end of a run ---------------------------===//

#ifndef BITPIPE_RUNTIME_TRAIN_REPORT_H
#define BITPIPE_RUNTIME_TRAIN_REPORT_H

#include "lib/Runtime/Plan/Links.h"
#include "lib/Runtime/Train/Gathered.h"

namespace bitpipe {

/// Prints step time, tokens per second, bubble and memory per device, and the
/// time by kind of work. `stepSeconds` is what every step took.
void printReport(const Program &program, const Links &links,
                 const std::vector<ProcessReport> &processes,
                 std::vector<double> stepSeconds, int64_t tokensPerStep);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRAIN_REPORT_H
