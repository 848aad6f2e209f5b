//===- schedule-offload-test.cpp - Activations on hosts ---------------------===//
//
// Orders of all families with as few activations on devices as can be: their bounds, checks
// and texts; what each check says of a broken order; memory and time worked out by hand.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Simulate/CheckOrder.h"
#include "lib/Transforms/Schedule/Simulate/Offload.h"
#include "test/Unit/schedule-invariants.h"

#include <sstream>

using namespace bitpipe::schedule;

static double peakOf(const Schedule &schedule) {
  double peak = 0;
  for (const DeviceUse &device : deviceUse(schedule.placement, schedule.order, {}))
    peak = std::max(peak, device.peakActivation);
  return peak;
}

/// The order is read again with its keepers, and walks of program and order hold the same.
static void testText(const Request &asked, const Schedule &schedule) {
  std::ostringstream text;
  writeCSV(text, schedule.order);
  ErrorOr<Order> again = readCSV(text.str());
  ErrorOr<Placement> inferred = again ? inferPlacement(*again) : ErrorOr<Placement>(again.error());
  expect(again && *again == schedule.order && inferred, toText(asked) + ": not read again");
  bool isSame = bool(inferred);
  for (int stage = 0; isSame && stage < schedule.placement.stages(); ++stage)
    for (int m = 0; m < schedule.placement.microbatches(); ++m)
      isSame = isSame && inferred->isOnHost(stage, m) == schedule.placement.isOnHost(stage, m);
  expect(isSame, toText(asked) + ": what is on hosts is not read off");
  std::vector<Held> held = mostHeld(*communicate(schedule, {}, asked.costs), asked.costs);
  std::vector<DeviceUse> use = simulateAll(schedule, asked.costs)->use;
  for (size_t device = 0; device < use.size(); ++device)
    expect(std::abs(held[device].activations - use[device].peakActivation) < 1e-9 &&
               std::abs(held[device].onHost - use[device].peakOnHost) < 1e-9,
           toText(asked) + ": program and order hold different amounts");
}

/// Down to the least: each family, split backwards, two directions and pairs among them.
static void testFamilies() {
  int built = 0;
  for (const Family &family : families())
    for (auto [devices, count] : {std::pair(4, 8), {8, 16}, {3, 6}}) {
      Request asked = request(family.name, devices, count);
      ErrorOr<Schedule> without = buildSchedule(asked);
      if (!without || without->placement.moves() || without->placement.updates())
        continue;
      double before = peakOf(*without), least = leastOnDevices(asked);
      expect(least > 0, toText(asked) + ": no number of activations can be");
      for (double most = least; most < before; most += std::max(1.0, std::floor(before / 4))) {
        asked.offload = most;
        ErrorOr<Schedule> schedule = buildSchedule(asked);
        if (!schedule) {
          expect(false, toText(asked) + ": " + schedule.error().text);
          continue;
        }
        ++built;
        testSchedule(asked, *schedule);
        testText(asked, *schedule);
        expect(peakOf(*schedule) <= most, toText(asked) + ": holds more than it may");
        expect(simulateAll(*schedule)->timing.makespan == simulateAll(*without)->timing.makespan,
               toText(asked) + ": copies that take no time make it longer");
        expect(schedule->note.starts_with("offload: no device holds more than"),
               toText(asked) + ": says '" + schedule->note + "'");
      }
    }
  std::printf("%d schedules with activations on hosts\n", built);
  expect(built > 50, "too few schedules");
}

static std::string verdictOn(const std::string &cells) {
  Order order = *readCSV(cells);
  ErrorOr<Placement> placement = inferPlacement(order);
  if (!placement)
    return placement.error().text;
  std::optional<Error> wrong = checkOrder({"text", *placement, order});
  return wrong ? wrong->text : "taken";
}

static void expectVerdict(const std::string &cells, const std::string &text) {
  std::string got = verdictOn(cells);
  expect(got.find(text) != std::string::npos, cells + ": " + got + ", expected '" + text + "'");
}

static void testOrders() {
  expectVerdict("0F0,0F1,0E0,0K0,0F2,0L0,0G0,0B1,0B0,0B2\n", "taken");
  expectVerdict("0F0,0F1,0K0,0E0,0F2,0G0,0L0,0B1,0B0,0B2\n", "taken");
  expectVerdict("0F0,0F1,0L0,0G0,0F2,0E0,0K0,0B1,0B0,0B2\n", "loads what is not evicted before it");
  expectVerdict("0F0,0F1,0E0,0K0,0F2,0B1,0B0,0L0,0G0,0B2\n",
                "reads what is evicted, expected 0L0 before it");
  expectVerdict("0F0,0F1,0E0,0K0,0F2,0L0,0G0,0G0,0B1,0B0,0B2\n",
                "is freed a second time, expected once");
  expectVerdict("0F0,0F1,0E0,0K0,0F2,0L0,0B1,0B0,0B2\n", "0G0 never comes, expected once");
  expectVerdict("0F0,0F1,0E0,0F2,0L0,0B1,0B0,0B2\n",
                "no device keeps what it moves, expected 0K0 on another one, or on this one for "
                "its host");
  expectVerdict("0F0,0F1,0E0,0F2,0K0,0L0,0G0,0B1,0B0,0B2\n", "the order blocks");
  expectVerdict("0F0,0F1,0K0,0G0,0E0,0F2,0L0,0B1,0B0,0B2\n", "the order blocks");
  expectVerdict("0F0,0E0,0K0,0F1,0E1,0K1,0F2,0G1,0L0,0G0,0L1,0B1,0B0,0B2\n",
                "is message 2 of its channel with device 0, which has at this turn");
}

/// A copy is alone on the link of its device, whichever way it goes.
static void testByHand() {
  Order order = *readCSV("0F0,0F1,0E0,0K0,0F2,0E1,0K1,0F3,0L0,0G0,0B3,0L1,0G1,0B0,0B2,0B1\n");
  Schedule schedule{"text", *inferPlacement(order), order};
  Costs costs;
  costs.link = {100, 0};
  costs.host = {0.5, 0.25};
  Simulated simulated = *simulateAll(schedule, costs);
  const Timing &timing = simulated.timing;
  expect(timing.arrival[0][2] == 2.75, "it is there at " + std::to_string(timing.arrival[0][2]));
  expect(timing.makespan == 12, "it takes " + std::to_string(timing.makespan));
  expect(simulated.use[0].peakActivation == 3 && simulated.use[0].peakOnHost == 2 &&
             simulated.use[0].messages == 0,
         "device and host hold " + std::to_string(simulated.use[0].peakActivation) + " and " +
             std::to_string(simulated.use[0].peakOnHost));
  // What takes longer than a run keeps its memory, and what comes next waits.
  costs.host = {2.5, 0};
  simulated = *simulateAll(schedule, costs);
  expect(simulated.timing.start[0][5] == 4.5,
         "the next copy begins at " + std::to_string(simulated.timing.start[0][5]));
  expect(simulated.timing.makespan > 12, "nobody waits for what moves");
}

static void testRefused() {
  auto refuses = [](Request asked, const char *text) {
    ErrorOr<Schedule> schedule = buildSchedule(asked);
    std::string got = schedule ? "taken" : schedule.error().text;
    expect(got.find(text) != std::string::npos, got + ", expected '" + text + "'");
  };
  Request asked = request("1f1b", 8, 16);
  asked.offload = 1;
  refuses(asked, "1f1b: device 0 holds 8 activations and can do with 3 where its host keeps the "
                 "others, expected 1 at most");
  asked.pipeline = "bpipe";
  asked.offload = 4;
  refuses(asked, "bpipe moves activations already, expected none to offload");
  asked.pipeline = "pipedream";
  refuses(asked, "updates weights between micro-batches");
}

/// Each replica copies to hosts of its own; stages that recompute evict nothing.
static void testTogether() {
  Request asked = request("1f1b", 8, 16);
  asked.offload = 3;
  asked.replicas = 2;
  Schedule schedule = *buildSchedule(asked);
  testSchedule(asked, schedule);
  testText(asked, schedule);
  bool isAlike = true;
  for (int m = 0; m < 8; ++m)
    isAlike = isAlike && schedule.placement.isOnHost(0, m) == schedule.placement.isOnHost(0, m + 8);
  expect(isAlike && peakOf(schedule) == 3, "replicas differ");
  asked.replicas = 1;
  asked.recompute = "0";
  schedule = *buildSchedule(asked);
  testSchedule(asked, schedule);
  bool any = false;
  for (int m = 0; m < 16; ++m)
    any = any || schedule.placement.isOnHost(0, m);
  expect(!any, "what a stage computes again is copied");
}

int main() {
  testFamilies();
  testOrders();
  testByHand();
  testRefused();
  testTogether();
  return report();
}
