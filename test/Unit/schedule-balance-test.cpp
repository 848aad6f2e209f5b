//===- schedule-balance-test.cpp - Activations that move --------------------===//
//
// 1F1B with evictions over many sizes and costs: its bound, its time, the checks; what each
// check says of a broken order; other families balanced; memory and time worked out by hand.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Simulate/Balance.h"
#include "lib/Transforms/Schedule/Simulate/CheckOrder.h"
#include "test/Unit/schedule-invariants.h"

#include <random>
#include <sstream>

using namespace bitpipe::schedule;

static std::string textOf(const Order &order) {
  std::ostringstream text;
  writeCSV(text, order);
  return text.str();
}

static double peakOf(const std::vector<DeviceUse> &use) {
  double peak = 0;
  for (const DeviceUse &device : use)
    peak = std::max(peak, device.peakActivation);
  return peak;
}

static double peakOf(const Schedule &schedule, const Costs &costs) {
  return peakOf(simulateAll(schedule, costs)->use);
}

/// The order is read again with its keepers, and walks of program and order hold the same.
static void testText(const Request &asked, const Schedule &schedule) {
  ErrorOr<Order> again = readCSV(textOf(schedule.order));
  expect(again && *again == schedule.order, toText(asked) + ": not read again");
  ErrorOr<Placement> inferred = inferPlacement(schedule.order);
  bool isSame = bool(inferred);
  for (int stage = 0; isSame && stage < schedule.placement.stages(); ++stage)
    for (int m = 0; m < schedule.placement.microbatches(); ++m)
      isSame = isSame && inferred->keeper(stage, m) == schedule.placement.keeper(stage, m);
  expect(isSame, toText(asked) + ": who keeps what is not read off");
  Program program = *communicate(schedule, {}, asked.costs);
  std::vector<Held> held = mostHeld(program, asked.costs);
  std::vector<DeviceUse> use = simulateAll(schedule, asked.costs)->use;
  for (size_t device = 0; device < use.size(); ++device)
    expect(std::abs(held[device].activations - use[device].peakActivation) < 1e-9,
           toText(asked) + ": program and order hold different amounts");
}

/// How many activations of a device are away during a run.
static int mostAway(const std::vector<Action> &list) {
  int away = 0, leaving = 0, most = 0;
  for (const Action &action : list) {
    leaving += action.kind == Kind::E;
    away -= action.kind == Kind::L;
    if (isMove(action.kind))
      continue;
    most = std::max(most, away);
    away += std::exchange(leaving, 0);
  }
  return most;
}

static void testBPipe() {
  int built = 0;
  for (int devices = 1; devices <= 17; ++devices)
    for (int count : {1, 2, 3, 5, 8, 12, 16, 17, 24, 31, 40, 64}) {
      Request asked = request("bpipe", devices, count);
      ErrorOr<Schedule> schedule = buildSchedule(asked);
      if (!schedule) {
        expect(false, schedule.error().text);
        continue;
      }
      ++built;
      testSchedule(asked, *schedule);
      testText(asked, *schedule);
      int bound = (devices + 3) / 2;
      expect(peakOf(*schedule, {}) <= bound, toText(asked) + ": holds more than its bound");
      for (int x = 0; x < devices; ++x) {
        int expected = std::max(0, std::min(devices - x, count) - bound);
        expect(mostAway(schedule->order[x]) == expected,
               toText(asked) + ": device " + std::to_string(x) + " has " +
                   std::to_string(mostAway(schedule->order[x])) + " away, expected " +
                   std::to_string(expected));
      }
      Schedule without = *buildSchedule(request("1f1b", devices, count));
      expect(simulateAll(*schedule)->timing.makespan == simulateAll(without)->timing.makespan,
             toText(asked) + ": takes longer than 1f1b");
    }
  std::printf("%d schedules of bpipe\n", built);
}

/// Stages, messages and moves that take time: the bound holds, moves hide behind runs.
static void testCosts() {
  std::mt19937 generator(1);
  auto between = [&](double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(generator);
  };
  double slowest = 1;
  for (int round = 0; round < 400; ++round) {
    Request asked = request("bpipe", 2 + int(generator() % 15), 1 + int(generator() % 40));
    asked.costs.stages.clear();
    for (int stage = 0; stage < asked.devices; ++stage) {
      double f = between(0.6, 1.4), i = f * between(0.8, 1.2), w = f * between(0.8, 1.2);
      asked.costs.stages.push_back({f, i, w, i + w});
    }
    asked.costs.link = {between(0, 0.3), between(0, 0.1)};
    ErrorOr<Schedule> schedule = buildSchedule(asked);
    if (!schedule) {
      expect(false, toText(asked) + ": " + schedule.error().text);
      continue;
    }
    for (const Costs &costs : {asked.costs, Costs(), uneven(schedule->placement)}) {
      ErrorOr<Program> program = communicate(*schedule, {}, costs);
      Checked wrong = program ? check(*program) : Violation{"", 0, 0, program.error().text};
      expect(!wrong, toText(asked) + ": " + (wrong ? wrong->text : ""));
    }
    expect(peakOf(*schedule, {}) <= (asked.devices + 3) / 2,
           toText(asked) + ": holds more than its bound");
    Schedule without = *buildSchedule(request("1f1b", asked.devices, asked.microbatches));
    slowest = std::max(slowest, simulateAll(*schedule, asked.costs)->timing.makespan /
                                    simulateAll(without, asked.costs)->timing.makespan);
  }
  std::printf("at most %.2f%% slower than 1f1b where an activation takes up to 0.3 of a forward\n",
              100 * (slowest - 1));
  expect(slowest < 1.01, "moves are not hidden");
}

static ErrorOr<Schedule> read(const std::string &cells) {
  Order order = *readCSV(cells);
  ErrorOr<Placement> placement = inferPlacement(order);
  if (!placement)
    return placement.error();
  return Schedule{"text", *placement, order};
}

static std::string verdictOn(const std::string &cells) {
  ErrorOr<Schedule> schedule = read(cells);
  if (!schedule)
    return schedule.error().text;
  std::optional<Error> wrong = checkOrder(*schedule);
  return wrong ? wrong->text : "taken";
}

static void expectVerdict(const std::string &cells, const std::string &text) {
  std::string got = verdictOn(cells);
  expect(got.find(text) != std::string::npos, cells + ": " + got + ", expected '" + text + "'");
}

static void testOrders() {
  const std::string there = "0K0,1F0,1B0,1F1,0G0,1B1,1F2,1B2\n";
  expectVerdict("0F0,0F1,0E0,0F2,0L0,0B0,0B1,0B2\n" + there, "taken");
  expectVerdict("0F0,0F1,0L0,0F2,0E0,0B0,0B1,0B2\n" + there,
                "loads what is not evicted before it");
  expectVerdict("0F0,0F1,0E0,0F2,0E0,0L0,0B0,0B1,0B2\n" + there,
                "is evicted a second time, expected once");
  expectVerdict("0F0,0F1,0E0,0F2,0L0,0L0,0B0,0B1,0B2\n" + there,
                "is loaded a second time, expected once");
  expectVerdict("0F0,0F1,0E0,0F2,0B0,0L0,0B1,0B2\n" + there,
                "reads what is evicted, expected 0L0 before it");
  expectVerdict("0F0,0F1,0E0,0F2,0B0,0B1,0B2\n" + there,
                "0L0 never comes, expected once: what is evicted is kept");
  expectVerdict("0F0,0F1,0F2,0B0,0B1,0B2\n" + there, "0E0 never comes, expected once");
  expectVerdict("0F0,0F1,0F2,0B0,0E0,0B1,0L0,0B2\n" + there,
                "reads what is evicted, expected 0L0 before it");
  expectVerdict("0E0,0F0,0F1,0F2,0L0,0B0,0B1,0B2\n" + there,
                "reads the forward of stage 0, which is neither run nor received before it");
  expectVerdict("0F0,0F1,0E0,0F2,0L0,0B0,0E0,0B1,0B2\n" + there,
                "is evicted a second time, expected once");
  const std::string here = "0F0,0F1,0E0,0F2,0L0,0B0,0B1,0B2\n";
  expectVerdict(here + "0K0,1F0,1B0,0G0,1F1,0G0,1B1,1F2,1B2\n",
                "is freed a second time, expected once");
  expectVerdict(here + "0K0,0K0,1F0,1B0,1F1,0G0,1B1,1F2,1B2\n",
                "is kept a second time, expected once");
  expectVerdict(here + "0G0,1F0,1B0,1F1,0K0,1B1,1F2,1B2\n",
                "reads what is kept of stage 0, which is neither run nor received before it");
  expectVerdict(here + "0K0,1F0,1B0,1F1,1B1,1F2,1B2\n", "0G0 never comes, expected once");
  expectVerdict(here + "1F0,1B0,1F1,1B1,1F2,1B2\n",
                "0E0 is on device 0, but no device keeps what it moves, expected 0K0");
  expectVerdict("0F0,0E0,0F1,0L0,0R0,0B0,0R1,0B1\n0K0,1F0,1B0,0G0,1F1,1B1\n",
                "moves what stage 0 recomputes, expected a stage that saves it");
  expectVerdict("0F0,0F1,0F2,0B0,1K0,1G0,0B1,0B2\n1F0,1F1,1E0,1F2,1L0,1B0,1B1,1B2\n",
                "device 0 at 0B0 waits for 1B0, device 1 at 1L0 waits for 1K0");
}

/// A run of a kind that moves, and messages of kinds that do not.
static void testNames() {
  Schedule right = *read("0F0,0F1,0E0,0F2,0L0,0B0,0B1,0B2\n0K0,1F0,1B0,1F1,0G0,1B1,1F2,1B2\n");
  auto says = [&](const Program &program, const char *text) {
    Checked wrong = check(program);
    std::string got = wrong ? wrong->text : "taken";
    expect(got.find(text) != std::string::npos, got + ", expected '" + text + "'");
  };
  Program program = *communicate(right);
  Program run = program;
  run.devices[0].insert(run.devices[0].begin() + 3, Instruction::run({Kind::E, false, 0, 0}));
  says(run, "a run of kind E, expected F, B, I, W or R");
  Program kind = program;
  kind.devices[0].insert(kind.devices[0].begin() + 3, Instruction::recv({Kind::L, false, 0, 0}, 1));
  says(kind, "a message of kind L, expected F, B, E or G");
  Program stays = program;
  stays.devices[0].insert(stays.devices[0].begin() + 3, Instruction::send({Kind::E, false, 0, 1}, 1));
  says(stays, "no device keeps what it moves, expected one that receives it");
  Program itself = program;
  itself.devices[0].insert(itself.devices[0].begin() + 1, Instruction::send({Kind::F, false, 0, 0}, 0));
  says(itself, "a message to the device itself, expected another one");
}

/// What is sent is free a run later, and what is received is here at once.
static void testByHand() {
  Schedule schedule =
      *read("0F0,0F1,0E0,0F2,0L0,0B0,0B1,0B2\n0K0,1F0,1B0,1F1,0G0,1B1,1F2,1B2\n");
  Costs costs;
  costs.link = {0.5, 0.25};
  Simulated simulated = *simulateAll(schedule, costs);
  const Timing &timing = simulated.timing;
  // Behind the output of 0F1, which takes from 2 to 2.5, and beside 0F2, from 2 to 3.
  expect(timing.arrival[0][2] == 3.25, "it is there at " + std::to_string(timing.arrival[0][2]));
  expect(timing.end[0][4] == 3.25, "the load is asked for at " + std::to_string(timing.end[0][4]));
  expect(simulated.use[0].peakActivation == 3 && simulated.use[1].peakActivation == 2,
         "devices hold " + std::to_string(simulated.use[0].peakActivation) + " and " +
             std::to_string(simulated.use[1].peakActivation));
  expect(simulated.use[0].messages == 4 && simulated.use[1].messages == 4,
         "messages are counted wrongly");
  // What takes longer is gone when 0F2 is over for long, and then the load is asked for.
  costs.link = {2.1, 0};
  expect(std::abs(simulateAll(schedule, costs)->timing.start[0][4] - 7.3) < 1e-9,
         "nobody waits for what moves");
}

static void testBalance() {
  auto isBalanced = [](const char *name, double before, double after) {
    Request asked = request(name, 8, 16);
    Schedule without = *buildSchedule(asked);
    asked.balance = true;
    ErrorOr<Schedule> schedule = buildSchedule(asked);
    if (!schedule)
      return expect(false, schedule.error().text);
    testSchedule(asked, *schedule);
    testText(asked, *schedule);
    double got = peakOf(*schedule, {}), was = peakOf(without, {});
    expect(got == after && was == before,
           toText(asked) + ": " + std::to_string(was) + " become " + std::to_string(got));
    expect(simulateAll(*schedule)->timing.makespan == simulateAll(without)->timing.makespan,
           toText(asked) + ": takes longer");
    expect(schedule->note.starts_with(before == after ? "balance: no activation moves"
                                                      : "balance: no device holds more than"),
           toText(asked) + ": says '" + schedule->note + "'");
  };
  isBalanced("1f1b", 8, 5);
  isBalanced("interleaved", 23, 17);
  isBalanced("zb-h2", 15, 9);
  isBalanced("chimera-doubling", 16, 13);
  isBalanced("bitpipe", 20, 19);
  isBalanced("gpipe", 16, 16);
  isBalanced("zb-v", 16, 16);
  Request twice = request("bpipe", 8, 16);
  twice.balance = true;
  ErrorOr<Schedule> schedule = buildSchedule(twice);
  expect(schedule && schedule->note.find("moves activations already") != std::string::npos &&
             schedule->order == buildSchedule(request("bpipe", 8, 16))->order,
         "what is balanced is balanced again");
}

/// Each replica has partners of its own; stages that recompute evict nothing.
static void testTogether() {
  Request asked = request("bpipe", 8, 16);
  asked.replicas = 2;
  Schedule schedule = *buildSchedule(asked);
  testSchedule(asked, schedule);
  testText(asked, schedule);
  expect(schedule.placement.keeper(0, 1) == 3 && schedule.placement.keeper(0, 9) == 7,
         "replicas share partners");
  asked.replicas = 1;
  asked.recompute = "0";
  schedule = *buildSchedule(asked);
  expect(schedule.note == "stages 0 recompute, so nothing of them is evicted" &&
             mostAway(schedule.order[0]) == 0 && mostAway(schedule.order[1]) == 2,
         "stages that recompute are evicted");
  testText(asked, schedule);
}

int main() {
  testBPipe();
  testCosts();
  testOrders();
  testNames();
  testByHand();
  testBalance();
  testTogether();
  return report();
}
