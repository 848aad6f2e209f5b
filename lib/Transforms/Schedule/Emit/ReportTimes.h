//===- ReportTimes.h - Where the time of a schedule goes ----------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_EMIT_REPORTTIMES_H
#define BITPIPE_TRANSFORMS_SCHEDULE_EMIT_REPORTTIMES_H

#include "lib/Transforms/Schedule/Simulate/Simulate.h"

#include <iosfwd>

namespace bitpipe::schedule {

/// Where the idle time comes from.
void emitCauses(std::ostream &stream, const Simulated &simulated);

/// What pairs take, and that no device of bitpipe-run has two runs at the same time.
void emitPairs(std::ostream &stream, const Simulated &simulated);

/// What the makespan hangs on, by kind of work.
void emitCriticalPath(std::ostream &stream, const Simulated &simulated);

/// The link that is used longest.
void emitLinks(std::ostream &stream, const Simulated &simulated);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_EMIT_REPORTTIMES_H
