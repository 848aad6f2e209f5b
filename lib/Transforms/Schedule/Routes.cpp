//===- Routes.cpp - The shapes of routes -----------------------------------===//

#include "lib/Transforms/Schedule/Routes.h"

#include <algorithm>
#include <fstream>
#include <sstream>

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

ErrorOr<Placement> twoWaysSpread(int devices, int microbatches,
                                 const std::vector<int> &route, int down) {
  Route there{route, {}}, back{opposite(route, devices), {}};
  // How many of the first m go down, rounded.
  auto before = [&](int64_t m) {
    return (2 * m * down + microbatches) / (2 * microbatches);
  };
  for (int m = 0; m < microbatches; ++m)
    (before(m + 1) > before(m) ? there : back).microbatches.push_back(m);
  std::vector<Route> routes;
  for (Route *way : {&there, &back})
    if (!way->microbatches.empty())
      routes.push_back(std::move(*way));
  return Placement::make(devices, std::move(routes));
}

/// The numbers of a text, or false where something else is in it.
static bool readNumbers(const std::string &text, std::vector<int> &numbers) {
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    bool isNumber = word.size() < 7 &&
                    word.find_first_not_of("0123456789") == std::string::npos;
    if (!isNumber)
      return false;
    numbers.push_back(std::stoi(word));
  }
  return true;
}

ErrorOr<Placement> readRoutes(const std::string &path, int microbatches) {
  std::ifstream file(path);
  if (!file)
    return Error{path + ": cannot be read"};
  std::vector<Route> routes;
  int devices = 0, row = 0;
  for (std::string line; std::getline(file, line);) {
    ++row;
    std::replace(line.begin(), line.end(), ',', ' ');
    size_t colon = std::min(line.find(':'), line.size());
    Route route;
    bool isRead = readNumbers(line.substr(0, colon), route.devices) &&
                  readNumbers(line.substr(std::min(colon + 1, line.size())),
                              route.microbatches);
    if (!isRead)
      return Error{path + ": line " + std::to_string(row) + ": '" + line +
                   "', expected devices, such as 0 1 2 3 : 0 2"};
    if (route.devices.empty())
      continue;
    for (int device : route.devices)
      devices = std::max(devices, device + 1);
    routes.push_back(std::move(route));
  }
  if (routes.empty())
    return Error{path + ": no route, expected one per line"};
  bool dealt = std::all_of(routes.begin(), routes.end(), [](const Route &r) {
    return r.microbatches.empty();
  });
  for (int m = 0; dealt && m < microbatches; ++m)
    routes[m % routes.size()].microbatches.push_back(m);
  ErrorOr<Placement> placement = Placement::make(devices, std::move(routes));
  return placement ? placement : Error{path + ": " + placement.error().text};
}

} // namespace bitpipe::schedule
