//===- schedule-replicas-test.cpp - Pipelines beside each other -------------===//
//
// Every family with data parallelism: the order of one replica on all, the sums of all
// holders, costs that differ between replicas.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Core/Replicas.h"
#include "test/Unit/schedule-invariants.h"

#include <algorithm>

using namespace bitpipe::schedule;

static Request replicated(const std::string &name, int devices, int microbatches,
                          int replicas) {
  Request asked = request(name, devices, microbatches);
  asked.replicas = replicas;
  return asked;
}

/// Each replica does what one does alone, with devices and micro-batches of its own.
static void testOrder(const Request &asked, const Schedule &one, const Schedule &all) {
  size_t devices = one.order.size();
  bool isMoved = all.order.size() == devices * asked.replicas;
  for (size_t device = 0; isMoved && device < all.order.size(); ++device)
    isMoved = std::ranges::equal(
        all.order[device], one.order[device % devices],
        [&](Action got, Action expected) {
          expected.microbatch += int(device / devices) * one.placement.microbatches();
          return got == expected;
        });
  expect(isMoved, toText(asked) + ": a replica has another order than one alone");
  expect(all.placement.replicas() == asked.replicas * one.placement.replicas(),
         toText(asked) + ": " + std::to_string(all.placement.replicas()) +
             " replicas are read off the placement");
  std::vector<Group> groups = *makeGroups(all.placement, {});
  for (const Group &group : groups)
    expect(group.devices.size() == one.placement.holders(group.stages[0]).size() *
                                       asked.replicas,
           toText(asked) + ": a stage has too few or too many holders");
}

/// Where updates come between micro-batches, each is of all replicas, which take turns.
static void testTurns(const Request &asked, const ErrorOr<Schedule> &all) {
  if (!all)
    return expect(all.error().text.find("expected a divisor of") != std::string::npos,
                  toText(asked) + ": " + all.error().text);
  int devices = asked.devices / asked.replicas;
  for (int device = 0; device < asked.devices; ++device)
    expect(std::ranges::all_of(all->order[device],
                               [&](const Action &action) {
                                 return action.microbatch % asked.replicas == device / devices;
                               }),
           toText(asked) + ": a replica has another one's turn");
  testSchedule(asked, *all);
}

static void testFamilies() {
  int built = 0;
  for (const Family &family : families())
    for (auto [devices, count, replicas] :
         {std::tuple(1, 4, 4), {2, 8, 2}, {3, 7, 2}, {4, 8, 2}, {4, 8, 3}, {6, 12, 2}}) {
      ErrorOr<Schedule> one = buildSchedule(request(family.name, devices, count));
      Request asked = replicated(family.name, devices * replicas, count * replicas, replicas);
      ErrorOr<Schedule> all = buildSchedule(asked);
      if (family.updatesBetween) {
        testTurns(asked, all);
        continue;
      }
      expect(bool(one) == bool(all), toText(asked) + ": one replica differs from none");
      if (!one || !all)
        continue;
      ++built;
      testOrder(asked, *one, *all);
      testSchedule(asked, *all);
    }
  std::printf("%d schedules of several replicas checked\n", built);
}

/// The order has to suit the replica with the least memory and the slowest link.
static void testWorst() {
  Costs costs;
  costs.memory = {9, 8, 7, 8, 9, 6, 9, 9};
  costs.buffers = {0, 1, 0, 0, 1, 0, 0, 0};
  costs.links.assign(8, std::vector<Link>(8, Link{1, 1}));
  costs.links[0][1] = {2, 1};
  costs.links[4][5] = {1, 3};
  costs.links[0][4] = {9, 9}; // between replicas go sums alone
  Costs one = costsOfOne(costs, 8, 2);
  expect(one.memory == std::vector<double>{9, 6, 7, 8}, "not the least memory");
  expect(one.buffers == std::vector<double>{1, 1, 0, 0}, "not the most buffers");
  expect(one.links.size() == 4 && one.links[0][1].transfer == 2 &&
             one.links[0][1].latency == 3 && one.links[0][0].transfer == 1,
         "not the slowest links");

  Request asked = replicated("bitpipe-zb", 8, 16, 2);
  asked.costs.memory.assign(8, 8);
  asked.costs.memory[5] = 6;
  ErrorOr<Schedule> schedule = buildSchedule(asked);
  expect(bool(schedule), "no order for a replica with less memory");
  asked.costs.memory[5] = 1;
  schedule = buildSchedule(asked);
  expect(!schedule && schedule.error().text.find("device 1 may hold 1,") != std::string::npos,
         "a replica without memory is not refused");
}

/// A sum over K devices takes each (K-1)/K of the gradients there and back.
static void testSumTimes() {
  Costs costs;
  costs.stages = {{}, {}};
  costs.stages[0].sum = costs.stages[1].sum = 6;
  costs.stages[0].holders = 2;
  costs.shared = {{{0, 1}, 4, 0, 0, 4}};
  auto expectSum = [&](const std::vector<int> &stages, size_t devices, double time) {
    double got = costs.sumOf(stages, devices);
    expect(std::abs(got - time) < 1e-12,
           "a sum over " + std::to_string(devices) + " takes " + std::to_string(got) +
               ", expected " + std::to_string(time));
  };
  expectSum({0}, 2, 6);
  expectSum({0}, 4, 9);
  expectSum({1}, 4, 6); // not told over how many
  expectSum({0, 1}, 4, 4);
  expectSum({0, 1}, 8, 4 * (7 / 8.0) / (3 / 4.0));
}

static void testRefused() {
  struct Refused {
    Request asked;
    const char *text;
  };
  Request down = replicated("bitpipe", 8, 16, 2);
  down.down = 3;
  for (const auto &[asked, text] :
       {Refused{replicated("1f1b", 8, 16, 3), "8 devices for 3 replicas, expected a multiple"},
        {replicated("1f1b", 8, 15, 2), "15 micro-batches for 2 replicas, expected a multiple"},
        {down, "3 micro-batches that go down for 2 replicas, expected a multiple"},
        {replicated("1f1b", 8, 16, 0), "0 replicas, expected 1 to 1024"},
        {replicated("bitpipe", 8, 6, 2),
         "each of 2 replicas: bitpipe: 3 micro-batches, expected at least 4, one per device"}}) {
    ErrorOr<Placement> placement = placementFor(asked);
    ErrorOr<Schedule> schedule = buildSchedule(asked);
    expect(!placement && placement.error().text == text && !schedule &&
               schedule.error().text == text,
           toText(asked) + ", " + std::to_string(asked.replicas) + " replicas: " +
               (placement ? "taken" : placement.error().text) + ", expected " + text);
  }
}

int main() {
  testFamilies();
  testWorst();
  testSumTimes();
  testRefused();
  return report();
}
