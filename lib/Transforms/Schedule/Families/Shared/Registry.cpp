//===- Registry.cpp - Schedules by name ------------------------------------===//

#include "lib/Transforms/Schedule/Families/Shared/Registry.h"

#include "lib/Transforms/Schedule/Check/Check.h"
#include "lib/Transforms/Schedule/Core/Limits.h"
#include "lib/Transforms/Schedule/Core/Replicas.h"
#include "lib/Transforms/Schedule/Core/Routes.h"
#include "lib/Transforms/Schedule/Core/Text.h"
#include "lib/Transforms/Schedule/Families/Shared/OrderStore.h"
#include "lib/Transforms/Schedule/Families/Shared/SharedStages.h"
#include "lib/Transforms/Schedule/Search/Solve.h"
#include "lib/Transforms/Schedule/Simulate/Balance.h"
#include "lib/Transforms/Schedule/Simulate/Communicate.h"
#include "lib/Transforms/Schedule/Simulate/Offload.h"
#include "lib/Transforms/Schedule/Simulate/OrderFile.h"
#include "lib/Transforms/Schedule/Simulate/Recompute.h"
#include "lib/Transforms/Schedule/Simulate/Shard.h"
#include "lib/Transforms/Schedule/Simulate/Simulate.h"

#include <algorithm>
#include <climits>
#include <cmath>
#include <limits>
#include <utility>

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

ErrorOr<const Family *> familyNamed(const std::string &name) {
  std::string names;
  for (const Family &family : families()) {
    if (family.name == name)
      return &family;
    names += (names.empty() ? "" : ", ") + family.name;
  }
  return Error{"no schedule named " + quoted(name) + ", expected one of " + names};
}

/// The request with the family's own number of chunks where none was asked.
static Request complete(const Request &request, const Family &family) {
  Request result = request;
  if (result.chunks == 0)
    result.chunks = family.chunks;
  return result;
}

static ErrorOr<Placement> placeFor(const Request &request, const Family &family) {
  auto fail = [&](const std::string &text) {
    return Error{family.name + ": " + text};
  };
  for (const std::optional<Error> &wrong :
       {checkCount(request.chunks, "chunks", mostStages),
        checkSize(request.devices, int64_t(request.devices) * request.chunks,
                  request.microbatches),
        checkDown(request, family.hasTwoWays),
        checkKnown(request, family.updatesBetween, family.sharesStages)})
    if (wrong)
      return fail(wrong->text);
  ErrorOr<Placement> placement = family.place(request);
  if (!placement)
    return fail(placement.error().text);
  // Most families have one number of chunks, and need not look.
  int stages = placement->stages();
  if (!family.sharesStages && stages != request.devices * request.chunks)
    return fail(std::to_string(request.chunks) + " chunks, expected " +
                std::to_string(stages / request.devices));
  return placement;
}

/// The placement of a request that names its routes itself.
static ErrorOr<Placement> placeRoutes(const Request &request) {
  if (std::optional<Error> wrong = checkNoDown(request, request.routes))
    return *wrong;
  ErrorOr<Placement> placement =
      readRoutes(request.routes, request.microbatches);
  if (!placement)
    return placement;
  if (std::optional<Error> wrong = checkFile(request, request.routes, *placement))
    return *wrong;
  return placement;
}

/// The order of a request that names its file.
static ErrorOr<Schedule> readOrder(const Request &request) {
  if (std::optional<Error> wrong = checkNoDown(request, request.order))
    return *wrong;
  ErrorOr<Schedule> schedule = readSchedule(request.order, request.shard);
  if (!schedule)
    return schedule;
  if (std::optional<Error> wrong = checkFile(request, request.order, schedule->placement))
    return *wrong;
  return schedule;
}

/// Versions of the weights are no activations, and not counted among them.
static void leaveOutVersions(Costs &costs) {
  for (StageCost &stage : costs.stages)
    stage.weights = stage.gathered = stage.gradients = 0;
}

/// The activation of a mean stage, in the costs' unit.
Problem problemFor(const Request &request, const Placement &placement,
                   double own, bool split, double stagesPerActivation) {
  Problem problem{placement, request.costs, {}, split, stagesPerActivation};
  problem.counted = request.memoryCounts;
  // What does not fit the placement is the solver's to report.
  if (request.costs.check(placement))
    return problem;
  problem.activation *= meanActivation(placement, request.costs);
  double most =
      (request.memory > 0 ? request.memory : own) * problem.activation;
  if (std::isfinite(most) || !request.costs.memory.empty())
    problem.memory = activationLimits(placement, request.costs, most);
  return problem;
}

ErrorOr<Ordered> search(const Problem &problem, const Request &request) {
  ErrorOr<Order> order = solve(problem, request.effort);
  if (!order)
    return order.error();
  return Ordered(std::move(*order), Origin::Solver);
}

double unlessKnown(const Request &request, double own) {
  return request.costs.memory.empty() ? own : std::numeric_limits<double>::infinity();
}

/// What is asked of each replica.
static ErrorOr<Request> requestOfOne(const Request &request) {
  if (std::optional<Error> wrong =
          checkCount(request.replicas, "replicas", mostDevices))
    return *wrong;
  Request one = request;
  one.replicas = 1;
  int replicas = request.replicas;
  struct Part {
    int Request::*number;
    const char *what;
  };
  for (auto [number, what] : {Part{&Request::devices, "devices"},
                              Part{&Request::microbatches, "micro-batches"},
                              Part{&Request::updateEvery, "micro-batches between updates"},
                              Part{&Request::down, "micro-batches that go down"}}) {
    int &own = one.*number;
    if (own > 0 && own % replicas)
      return Error{std::to_string(own) + " " + what + " for " +
                   std::to_string(replicas) + " replicas, expected a multiple"};
    own = own > 0 ? own / replicas : own;
  }
  return one;
}

/// An error of one of several replicas.
static Error inReplica(const Request &request, const Error &error) {
  if (request.replicas == 1)
    return error;
  return Error{"each of " + std::to_string(request.replicas) +
               " replicas: " + error.text};
}

static ErrorOr<Placement> placeOne(const Request &request) {
  if (!request.order.empty()) {
    ErrorOr<Schedule> read = readOrder(request);
    return read ? ErrorOr<Placement>(std::move(read->placement)) : read.error();
  }
  if (!request.routes.empty())
    return placeRoutes(request);
  ErrorOr<const Family *> family = familyNamed(request.pipeline);
  if (!family)
    return family.error();
  return placeFor(complete(request, **family), **family);
}

ErrorOr<Placement> placementFor(const Request &request) {
  ErrorOr<Request> one = requestOfOne(request);
  if (!one)
    return one.error();
  ErrorOr<Placement> placement = placeOne(*one);
  if (!placement)
    return inReplica(request, placement.error());
  return replicate(*placement, request.replicas);
}

/// What is put into an order that is there: recomputation, and then activations that move,
/// of stages that do not recompute.
static std::optional<Error> addToOrder(Schedule &schedule, const Request &request) {
  std::string before = std::exchange(schedule.note, "");
  schedule.placement.setLossInGradient(request.costs.lossInGradient);
  if (std::optional<Error> wrong = recompute(schedule, request.recompute))
    return wrong;
  std::optional<Error> wrong =
      request.balance       ? balance(schedule, request.costs)
      : request.offload > 0 ? offload(schedule, request.costs, request.offload, request.offloadCounts)
                            : std::nullopt;
  if (!before.empty())
    schedule.note = before + (schedule.note.empty() ? "" : "; ") + schedule.note;
  return wrong;
}

/// The schedule of a request that names its routes itself.
static ErrorOr<Schedule> scheduleRoutes(const Request &request) {
  ErrorOr<Placement> placement = placeRoutes(request);
  if (!placement)
    return placement.error();
  ErrorOr<Ordered> order =
      search(problemFor(request, *placement,
                        std::numeric_limits<double>::infinity(), true),
             request);
  if (!order)
    return Error{oneLine(request.routes) + ": " + order.error().text};
  Schedule schedule{request.routes, std::move(*placement), std::move(order->order),
                    order->origin};
  if (std::optional<Error> wrong = addToOrder(schedule, request))
    return *wrong;
  return schedule;
}

/// Fails if the order takes more than the activations asked for, which not all
/// families can heed. They are those of a stage where the model is cut into the
/// family's own number of chunks.
static std::optional<Error> checkActivations(const Request &request,
                                             const Family &family,
                                             const Placement &placement,
                                             const Order &order) {
  if (request.memory <= 0)
    return {};
  double chunks = double(request.chunks) / family.chunks;
  Problem problem = problemFor(request, placement, request.memory, false, chunks);
  leaveOutVersions(problem.costs);
  return problem.verify(order);
}

static ErrorOr<Schedule> scheduleFamily(const Request &request) {
  ErrorOr<const Family *> family = familyNamed(request.pipeline);
  if (!family)
    return family.error();
  Request asked = complete(request, **family);
  ErrorOr<Placement> placement = placeFor(asked, **family);
  if (!placement)
    return placement.error();
  if (std::optional<Error> wrong = asked.costs.check(*placement))
    return Error{(*family)->name + ": " + wrong->text};
  auto make = [&] { return (*family)->order(asked, *placement); };
  ErrorOr<Ordered> order = asked.orders ? asked.orders->orderFor(asked, make) : make();
  if (!order)
    return Error{(*family)->name + ": " + order.error().text};
  Schedule schedule{asked.pipeline, std::move(*placement), std::move(order->order),
                    order->origin};
  const Placement &placed = schedule.placement;
  ErrorOr<std::vector<int>> keepers =
      keepersIn(schedule.order, placed.stages(), placed.microbatches());
  if (!keepers)
    return Error{(*family)->name + ": " + keepers.error().text};
  schedule.placement.setKeepers(std::move(*keepers));
  if (std::optional<Error> wrong = addToOrder(schedule, asked))
    return *wrong;
  if (std::optional<Error> wrong =
          checkActivations(asked, **family, schedule.placement, schedule.order))
    return Error{(*family)->name + ": " + wrong->text};
  return schedule;
}

/// An order from a file, held to the number of activations if there is one.
static ErrorOr<Schedule> scheduleFile(const Request &request) {
  ErrorOr<Schedule> schedule = readOrder(request);
  if (!schedule)
    return schedule;
  if (std::optional<Error> wrong = request.costs.check(schedule->placement))
    return Error{oneLine(request.order) + ": " + wrong->text};
  if (std::optional<Error> wrong = addToOrder(*schedule, request))
    return *wrong;
  if (request.memory <= 0)
    return schedule;
  ErrorOr<Program> program = communicate(*schedule, {}, request.costs);
  if (!program)
    return Error{oneLine(request.order) + ": " + program.error().text};
  // Counted in activations of a mean stage, as errors count them.
  Costs counted = request.costs;
  double unit = meanActivation(schedule->placement, counted) / request.memoryCounts;
  for (StageCost &stage : counted.stages)
    for (double StageCost::*size :
         {&StageCost::activation, &StageCost::kept, &StageCost::input})
      stage.*size /= unit;
  leaveOutVersions(counted);
  constexpr double any = std::numeric_limits<double>::infinity();
  std::vector<Held> limits(program->devices.size(), {request.memory * request.memoryCounts, INT_MAX, INT_MAX, any});
  if (Checked wrong = checkMemory(*program, counted, limits))
    return Error{oneLine(request.order) + ": " + wrong->text};
  return schedule;
}

/// Fails if a device has not the memory for what it holds.
static std::optional<Error> checkFits(const Schedule &schedule,
                                      const Costs &costs) {
  if (costs.memory.empty())
    return {};
  std::vector<DeviceUse> use =
      deviceUse(schedule.placement, schedule.order, {}, costs);
  for (size_t device = 0; device < use.size(); ++device) {
    double most = use[device].state + use[device].peakActivation;
    if (most <= costs.memory[device] * (1 + 1e-9))
      continue;
    return Error{oneLine(schedule.name) + ": " +
                 exceedsMemory(int(device), costs.memory[device],
                               use[device].state, use[device].peakActivation)
                     .text};
  }
  return {};
}

/// The request as orders are made for it. Memory that slices leave is there for activations.
static ErrorOr<Request> forOrders(const Request &request) {
  if (!request.isSharded() || request.costs.memory.empty())
    return request;
  ErrorOr<Placement> placement = placementFor(request);
  if (!placement)
    return placement.error();
  if (std::optional<Error> wrong = request.costs.check(*placement))
    return *wrong;
  Request result = request;
  result.costs = costsOfOrders(request.costs, *placement, request.shard);
  return result;
}

static ErrorOr<Schedule> scheduleOne(const Request &request) {
  if (!request.order.empty())
    return scheduleFile(request);
  if (!request.routes.empty())
    return scheduleRoutes(request);
  return scheduleFamily(request);
}

/// The order of one replica on all.
static ErrorOr<Schedule> scheduleReplicas(const Request &request) {
  ErrorOr<Placement> placement = placementFor(request);
  if (!placement)
    return placement.error();
  if (std::optional<Error> wrong = request.costs.check(*placement))
    return *wrong;
  Request one = *requestOfOne(request);
  one.costs = costsOfOne(request.costs, placement->devices(), request.replicas);
  ErrorOr<Schedule> schedule = scheduleOne(one);
  if (!schedule)
    return inReplica(request, schedule.error());
  schedule->order =
      replicate(schedule->order, schedule->placement, request.replicas);
  schedule->placement = *replicate(schedule->placement, request.replicas);
  return schedule;
}

ErrorOr<Schedule> buildSchedule(const Request &request) {
  ErrorOr<Request> asked = forOrders(request);
  if (!asked)
    return asked.error();
  auto scheduleFor = [](const Request &one) {
    return one.replicas == 1 ? scheduleOne(one) : scheduleReplicas(one);
  };
  ErrorOr<Schedule> schedule = scheduleFor(*asked);
  if (!schedule && request.shard >= Shard::Gradients && !request.costs.memory.empty()) {
    // The room that is left for what is there for a while is the most that it may be.
    asked->costs.buffers = request.costs.buffers;
    schedule = scheduleFor(*asked);
  }
  if (!schedule)
    return schedule;
  noteUpdates(request, *schedule);
  if (std::optional<Error> wrong = shard(*schedule, request.shard, request.costs))
    return Error{oneLine(schedule->name) + ": " + wrong->text};
  if (std::optional<Error> wrong = checkFits(*schedule, request.costs))
    return *wrong;
  return schedule;
}

} // namespace bitpipe::schedule
