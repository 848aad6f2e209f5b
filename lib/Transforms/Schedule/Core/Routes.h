//===- Routes.h - The shapes of routes ---------------------------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_CORE_ROUTES_H
#define BITPIPE_TRANSFORMS_SCHEDULE_CORE_ROUTES_H

#include "lib/Transforms/Schedule/Core/Schedule.h"

#include <optional>

namespace bitpipe::schedule {

/// 0 1 2 3 | 0 1 2 3 | ...: every pass starts at device 0 again.
std::vector<int> loop(int devices, int chunks);

/// 0 1 2 3 | 3 2 1 0 | ...: every pass turns where the last one ended, so a
/// turn is a local hop. One chunk is a straight pipe, two are a V.
std::vector<int> wave(int devices, int chunks);

/// The same route with the devices in opposite order.
std::vector<int> opposite(std::vector<int> route, int devices);

/// One route for all micro-batches.
ErrorOr<Placement> oneWay(int devices, int microbatches, std::vector<int> route);

/// A route and its opposite: of each group of micro-batches the first `down`
/// go one way and the rest the other.
ErrorOr<Placement> twoWays(int devices, int microbatches,
                           const std::vector<int> &route, int group, int down);

/// A route and its opposite: `down` of the micro-batches go one way and the rest
/// the other, spread evenly through the batch so that neither direction runs dry
/// before the end. With none or all of them there is one route only.
ErrorOr<Placement> twoWaysSpread(int devices, int microbatches,
                                 const std::vector<int> &route, int down);

/// Fails where a route takes no micro-batch: its devices would hold weights, and
/// sum their gradients, for nothing.
std::optional<Error> checkUsed(const Placement &placement);

/// Reads routes from a file: one per line, the devices of its stages, then, if
/// wanted, a colon and its micro-batches:
///
///     0 1 2 3 3 2 1 0 : 0 2 4 6   # down
///     3 2 1 0 0 1 2 3 : 1 3 5 7   # up
///
/// Without micro-batches the routes take `microbatches` in turn, or two for each
/// device if that is 0. What follows a `#` is a comment.
ErrorOr<Placement> readRoutes(const std::string &path, int microbatches);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_CORE_ROUTES_H
