//===- Emit.h - Views of a schedule ------------------------------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_EMIT_EMIT_H
#define BITPIPE_TRANSFORMS_SCHEDULE_EMIT_EMIT_H

#include "lib/Transforms/Schedule/Simulate/Simulate.h"

#include <iosfwd>

namespace bitpipe::schedule {

/// The order, in PyTorch's text form.
void emitSchedule(std::ostream &stream, const Schedule &schedule);

/// A picture for browsers (SVG): a lane per device, a curve of live
/// activations per device below.
void emitTimeline(std::ostream &stream, const Simulated &simulated);

/// Chrome's trace format (JSON), for Perfetto: a track per device, arrows for
/// messages, a counter of live activations per device.
void emitTrace(std::ostream &stream, const Simulated &simulated);

/// Tables: per device work, idle time and where it comes from, bubble, memory,
/// messages; the makespan beside its lower bounds; the critical path.
void emitReport(std::ostream &stream, const Simulated &simulated);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_EMIT_EMIT_H
