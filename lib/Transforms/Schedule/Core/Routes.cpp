//===- Routes.cpp - The shapes of routes -----------------------------------===//

#include "lib/Transforms/Schedule/Core/Routes.h"

#include "lib/Transforms/Schedule/Core/Limits.h"
#include "lib/Transforms/Schedule/Core/Text.h"

#include <algorithm>
#include <optional>
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

std::optional<Error> checkUsed(const Placement &placement) {
  const std::vector<Route> &routes = placement.routes();
  for (size_t i = 0; i < routes.size(); ++i)
    if (routes[i].microbatches.empty())
      return Error{"route " + std::to_string(i) +
                   " takes no micro-batch, expected at least one"};
  return {};
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

/// A line of the file: nothing in a blank one.
static ErrorOr<std::optional<Route>> readRoute(const std::string &line) {
  std::string text = line.substr(0, line.find('#'));
  std::replace(text.begin(), text.end(), ',', ' ');
  size_t colon = text.find(':');
  bool hasColon = colon != std::string::npos;
  Route route;
  bool isRead = readNumbers(text.substr(0, colon), route.devices) &&
                (!hasColon ||
                 readNumbers(text.substr(colon + 1), route.microbatches));
  if (isRead && !hasColon && route.devices.empty())
    return std::optional<Route>();
  if (!isRead || route.devices.empty())
    return Error{quoted(line) + ", expected devices, such as 0 1 2 3 : 0 2"};
  if (hasColon && route.microbatches.empty())
    return Error{quoted(line) + ", expected micro-batches behind the colon"};
  return std::optional(std::move(route));
}

/// Gives the micro-batches to the routes in turn.
static void deal(std::vector<Route> &routes, int microbatches) {
  for (int m = 0; m < microbatches; ++m)
    routes[m % routes.size()].microbatches.push_back(m);
}

static ErrorOr<Placement> placeLines(std::istream &file, int microbatches) {
  std::vector<Route> routes;
  int devices = 0, row = 0;
  for (std::string line; std::getline(file, line);) {
    ++row;
    if (line.ends_with('\r'))
      line.pop_back();
    ErrorOr<std::optional<Route>> route = readRoute(line);
    if (!route)
      return Error{"line " + std::to_string(row) + ": " + route.error().text};
    if (!*route)
      continue;
    for (int device : (*route)->devices)
      devices = std::max(devices, device + 1);
    routes.push_back(std::move(**route));
  }
  if (routes.empty())
    return Error{"no route, expected one per line"};
  bool areDealt = std::all_of(routes.begin(), routes.end(), [](const Route &r) {
    return r.microbatches.empty();
  });
  if (areDealt) {
    int64_t count = microbatches ? microbatches : 2 * int64_t(devices);
    if (std::optional<Error> wrong =
            checkSize(devices, int64_t(routes.front().devices.size()), count))
      return *wrong;
    deal(routes, int(count));
  }
  ErrorOr<Placement> placement = Placement::make(devices, std::move(routes));
  if (!placement)
    return placement;
  if (std::optional<Error> wrong = checkUsed(*placement))
    return *wrong;
  return placement;
}

ErrorOr<Placement> readRoutes(const std::string &path, int microbatches) {
  ErrorOr<std::string> text = readText(path);
  if (!text)
    return text.error();
  std::istringstream lines(*text);
  ErrorOr<Placement> placement = placeLines(lines, microbatches);
  return placement ? placement
                   : Error{oneLine(path) + ": " + placement.error().text};
}

} // namespace bitpipe::schedule
