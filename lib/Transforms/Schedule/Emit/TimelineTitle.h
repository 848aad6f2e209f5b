//===- TimelineTitle.h - What stands above a timeline ------------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_EMIT_TIMELINETITLE_H
#define BITPIPE_TRANSFORMS_SCHEDULE_EMIT_TIMELINETITLE_H

#include "lib/Transforms/Schedule/Simulate/Simulate.h"

#include <string>
#include <vector>

namespace bitpipe::schedule {

/// A bold line takes at most so much, beside the margins.
double headingWidth(const std::string &line);

/// The schedule's name and numbers, on one line.
std::string titleOf(const Simulated &simulated);

/// The width that a picture needs for a title that wraps: that of its longest word.
double leastTitleWidth(const std::string &title);

/// A title in as many lines as a picture of that width makes necessary.
std::vector<std::string> wrapTitle(const std::string &title, double width);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_EMIT_TIMELINETITLE_H
