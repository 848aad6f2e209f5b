//===- Registry.cpp - Schedules by name ------------------------------------===//

#include "lib/Transforms/Schedule/Registry.h"

#include "lib/Transforms/Schedule/Routes.h"
#include "lib/Transforms/Schedule/Solve.h"

#include <algorithm>

namespace bitpipe::schedule {

const std::vector<Family> &families() {
  static const std::vector<Family> all = [] {
    std::vector<Family> result;
#define APPEND(File)                                                           \
  for (Family &family : file::File())                                   \
    result.push_back(std::move(family));
    BITPIPE_FAMILIES(APPEND)
#undef APPEND
    std::sort(result.begin(), result.end(),
              [](const Family &a, const Family &b) { return a.name < b.name; });
    return result;
  }();
  return all;
}

static ErrorOr<const Family *> find(const Request &request) {
  std::string names;
  for (const Family &family : families()) {
    if (family.name == request.pipeline)
      return &family;
    names += (names.empty() ? "" : ", ") + family.name;
  }
  return Error{"no schedule named '" + request.pipeline + "', expected one of " +
               names};
}

/// The request with the family's own number of chunks where none was asked.
static Request complete(const Request &request, const Family &family) {
  Request result = request;
  if (result.chunks == 0)
    result.chunks = family.chunks;
  return result;
}

int downCount(const Request &request) {
  return request.down < 0 ? (request.microbatches + 1) / 2 : request.down;
}

/// "3 of 8 micro-batches go down".
static std::string downText(const Request &request) {
  return std::to_string(downCount(request)) + " of " +
         std::to_string(request.microbatches) + " micro-batches go down";
}

std::optional<Error> needsHalves(const Request &request) {
  if (2 * downCount(request) == request.microbatches)
    return {};
  return Error{downText(request) + ", expected half of them"};
}

/// Whether the family can give the directions the shares that are asked for.
static std::optional<Error> checkDown(const Request &request,
                                      const Family &family) {
  if (request.down < 0)
    return {};
  if (!family.hasTwoWays)
    return Error{downText(request) +
                 ", expected no such number: all go the same way"};
  if (request.down > request.microbatches)
    return Error{downText(request) + ", expected 0 to " +
                 std::to_string(request.microbatches)};
  return {};
}

static ErrorOr<Placement> placeFor(const Request &request, const Family &family) {
  auto fail = [&](const std::string &text) {
    return Error{family.name + ": " + text};
  };
  if (request.devices < 1)
    return fail(std::to_string(request.devices) +
                " devices, expected at least 1");
  if (request.microbatches < 1)
    return fail(std::to_string(request.microbatches) +
                " micro-batches, expected at least 1");
  if (request.chunks < 1)
    return fail(std::to_string(request.chunks) + " chunks, expected at least 1");
  if (std::optional<Error> wrong = checkDown(request, family))
    return fail(wrong->text);
  ErrorOr<Placement> placement = family.place(request);
  return placement ? placement : fail(placement.error().text);
}

/// The placement of a request that names its routes itself.
static ErrorOr<Placement> placeRoutes(const Request &request) {
  if (request.down >= 0)
    return Error{request.routes + ": " + downText(request) +
                 ", expected no such number: the file says which do"};
  return readRoutes(request.routes, request.microbatches);
}

static ErrorOr<Schedule> scheduleRoutes(const Request &request) {
  ErrorOr<Placement> placement = placeRoutes(request);
  if (!placement)
    return placement.error();
  Problem problem{*placement, request.costs, {}, true};
  if (request.memory > 0)
    problem.memory.assign(placement->devices(), request.memory);
  ErrorOr<Order> order = solve(problem, request.seconds);
  if (!order)
    return Error{request.routes + ": " + order.error().text};
  return Schedule{request.routes, std::move(*placement), std::move(*order)};
}

ErrorOr<Placement> placementFor(const Request &request) {
  if (!request.routes.empty())
    return placeRoutes(request);
  ErrorOr<const Family *> family = find(request);
  if (!family)
    return family.error();
  return placeFor(complete(request, **family), **family);
}

ErrorOr<Schedule> buildSchedule(const Request &request) {
  if (!request.routes.empty())
    return scheduleRoutes(request);
  ErrorOr<const Family *> family = find(request);
  if (!family)
    return family.error();
  Request asked = complete(request, **family);
  ErrorOr<Placement> placement = placeFor(asked, **family);
  if (!placement)
    return placement.error();
  ErrorOr<Order> order = (*family)->order(asked, *placement);
  if (!order)
    return Error{(*family)->name + ": " + order.error().text};
  return Schedule{asked.pipeline, std::move(*placement), std::move(*order)};
}

} // namespace bitpipe::schedule
