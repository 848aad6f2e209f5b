//===- RouteShades.cpp - Which routes a timeline draws dark ----------------===//

#include "lib/Transforms/Schedule/Emit/RouteShades.h"

#include "lib/Transforms/Schedule/Core/Routes.h"

#include <algorithm>

using namespace bitpipe::schedule;

RouteShades bitpipe::schedule::shadesOf(const Placement &placement) {
  // Those of the first replica; the others have the same, further on.
  const std::vector<Route> &routes = placement.routes();
  auto end = routes.begin() + routes.size() / placement.replicas();
  const std::vector<int> &first = routes.front().devices;
  std::vector<int> mirrored = opposite(first, placement.devices() / placement.replicas());
  RouteShades shades;
  shades.ofWay.assign(end - routes.begin(), 1);
  shades.ofWay.front() = 0;
  if (shades.isOne())
    return shades;
  auto isFirst = [&](const Route &route) { return route.devices == first; };
  auto isEither = [&](const Route &route) { return isFirst(route) || route.devices == mirrored; };
  if (std::all_of(routes.begin(), end, isFirst) || !std::all_of(routes.begin(), end, isEither)) {
    shades.names = {"first route", shades.ofWay.size() == 2 ? "second route" : "other routes"};
    return shades;
  }
  const std::vector<int> &down = std::min(first, mirrored); // begins at the lower device
  std::transform(routes.begin(), end, shades.ofWay.begin(),
                 [&](const Route &route) { return route.devices == down ? 0 : 1; });
  shades.names = {"down", "up"};
  return shades;
}
