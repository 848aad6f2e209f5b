//===- TimelineLegend.h - What a timeline's colours mean ---------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_EMIT_TIMELINELEGEND_H
#define BITPIPE_TRANSFORMS_SCHEDULE_EMIT_TIMELINELEGEND_H

#include "lib/Transforms/Schedule/Emit/RouteShades.h"

#include <iosfwd>

namespace bitpipe::schedule {

/// A box and what it stands for.
struct LegendEntry {
  /// The box's style; none: no box.
  std::string style;
  double boxWidth = 0;
  std::string name;
  /// The upper left corner.
  double x = 0, y = 0;
};

/// The style of a block: a letter for its kind, a digit for its shade.
std::string blockStyle(Kind kind, int shade);

/// `input gradient`.
const char *kindName(Kind kind);

/// The entries for all that occurs in a schedule, whose pairs may go on at the same time, in as
/// many rows from `top` on as the width makes necessary.
std::vector<LegendEntry> makeLegend(const Schedule &schedule, const RouteShades &shades,
                                    bool overlaps, bool hasSums, double top, double width);

void drawLegend(std::ostream &stream, const std::vector<LegendEntry> &legend);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_EMIT_TIMELINELEGEND_H
