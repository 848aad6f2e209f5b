//===- RouteShades.h - Which routes a timeline draws dark --------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_EMIT_ROUTESHADES_H
#define BITPIPE_TRANSFORMS_SCHEDULE_EMIT_ROUTESHADES_H

#include "lib/Transforms/Schedule/Core/Schedule.h"

#include <array>
#include <string>
#include <vector>

namespace bitpipe::schedule {

/// Two shades tell the routes of a replica apart, the light one first.
struct RouteShades {
  /// 0 or 1 for each route of a replica (Placement::way).
  std::vector<int> ofWay;
  /// What the routes of a shade are; empty where there is one route only.
  std::array<std::string, 2> names;

  bool isOne() const { return ofWay.size() == 1; }
};

/// Where all are one route and its opposite, light goes down and dark goes up. Elsewhere no
/// route is against another, and the first one is light.
RouteShades shadesOf(const Placement &placement);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_EMIT_ROUTESHADES_H
