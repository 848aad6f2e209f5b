//===- Routes.cpp - The shapes of routes -----------------------------------===//

#include "lib/Transforms/Schedule/Routes.h"

namespace bitpipe::schedule {

std::vector<int> loop(int devices, int chunks) {
  std::vector<int> route;
  for (int stage = 0; stage < devices * chunks; ++stage)
    route.push_back(stage % devices);
  return route;
}

std::vector<int> wave(int devices, int chunks) {
  std::vector<int> route = loop(devices, chunks);
  for (int stage = 0; stage < devices * chunks; ++stage)
    if (stage / devices % 2)
      route[stage] = devices - 1 - route[stage];
  return route;
}

std::vector<int> opposite(std::vector<int> route, int devices) {
  for (int &device : route)
    device = devices - 1 - device;
  return route;
}

ErrorOr<Placement> oneWay(int devices, int microbatches,
                          std::vector<int> route) {
  Route all{std::move(route), {}};
  for (int m = 0; m < microbatches; ++m)
    all.microbatches.push_back(m);
  return Placement::make(devices, {std::move(all)});
}

ErrorOr<Placement> twoWays(int devices, int microbatches,
                           const std::vector<int> &route, int group, int down) {
  Route there{route, {}}, back{opposite(route, devices), {}};
  for (int m = 0; m < microbatches; ++m)
    (m % group < down ? there : back).microbatches.push_back(m);
  if (back.microbatches.empty())
    return Placement::make(devices, {std::move(there)});
  return Placement::make(devices, {std::move(there), std::move(back)});
}

} // namespace bitpipe::schedule
