//===- schedule-recompute-test.cpp - Stages that recompute ------------------===//
//
// Recomputation in the orders of all families, held to the checks, a second simulation and
// the bounds; what each check says of a broken one; memory and time worked out by hand; the
// choice of stages beside all sets.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Simulate/CheckOrder.h"
#include "lib/Transforms/Schedule/Simulate/Recompute.h"
#include "test/Unit/schedule-invariants.h"

#include <random>
#include <sstream>

using namespace bitpipe::schedule;

static std::string textOf(const Order &order) {
  std::ostringstream text;
  writeCSV(text, order);
  return text.str();
}

static void testFamily(const Request &asked, int &built) {
  ErrorOr<Schedule> schedule = buildSchedule(asked);
  if (!schedule)
    return;
  ++built;
  testSchedule(asked, *schedule);
  ErrorOr<Order> again = readCSV(textOf(schedule->order));
  expect(again && *again == schedule->order, toText(asked) + ": not read again");
  ErrorOr<Placement> inferred = inferPlacement(schedule->order);
  for (int stage = 0; stage < schedule->placement.stages(); ++stage)
    expect(inferred->recomputes(stage) == schedule->placement.recomputes(stage),
           toText(asked) + ": which stages recompute is not read off");
}

static void testFamilies() {
  int built = 0;
  for (const Family &family : families())
    for (int devices : {1, 2, 4, 6})
      for (int count : {1, 4, 8, 13})
        for (const char *stages : {"all", "0", "1"}) {
          Request asked = request(family.name, devices, count);
          asked.recompute = stages;
          testFamily(asked, built);
          asked.costs.lossInGradient = true;
          testFamily(asked, built);
        }
  std::printf("%d schedules with recomputation\n", built);
  expect(built > 600, "most sizes are schedules");
}

static Schedule read(const std::string &cells) {
  Order order = *readCSV(cells);
  return {"text", *inferPlacement(order), order};
}

static void expectRefused(const std::string &cells, const std::string &text) {
  std::optional<Error> wrong = checkOrder(read(cells));
  expect(wrong && wrong->text.find(text) != std::string::npos,
         cells + ": " + (wrong ? wrong->text : "taken") + ", expected '" + text + "'");
}

static void testOrders() {
  expect(!checkOrder(read("0F0,0F1,0R0,0B0,0R1,0B1\n")), "a right one is refused");
  expectRefused("0F0,0F1,0R0,0B0,0B1\n",
                "0R1 never runs, expected once: stage 0 recomputes");
  expectRefused("0F0,0R0,0R0,0B0\n", "runs a second time, expected once");
  expectRefused("0R0,0F0,0B0\n", "device 0 at 0R0 waits for 0F0");
  expectRefused("0F0,0B0,0R0\n", "device 0 at 0B0 waits for 0R0");
  expectRefused("0F0,0I0,0R0,0W0\n", "device 0 at 0I0 waits for 0R0");
  expectRefused("0F0,0B0\n1F0,0R0,1B0\n", "runs here, expected on device 0");
}

/// Of programs, whose runs may stand in any order.
static void testPrograms() {
  Schedule right = read("0F0,0R0,0B0\n");
  auto readiness = [&](std::initializer_list<Kind> kinds) {
    Program program = runsOf(right.placement, Order(1));
    for (Kind kind : kinds)
      program.devices[0].push_back(Instruction::run({kind, false, 0, 0}));
    Checked wrong = checkKept(program);
    return wrong ? wrong->text : "";
  };
  auto says = [&](std::initializer_list<Kind> kinds, const char *text) {
    expect(readiness(kinds).find(text) != std::string::npos,
           "'" + readiness(kinds) + "', expected '" + text + "'");
  };
  expect(readiness({Kind::F, Kind::R, Kind::B}).empty(), "what is ready is refused");
  says({Kind::R, Kind::F, Kind::B}, "reads the input of stage 0, which the forward keeps");
  says({Kind::F, Kind::R, Kind::R, Kind::B},
       "reads the input of stage 0, which is freed before it");
  says({Kind::F, Kind::B, Kind::R},
       "reads the recomputation of stage 0, which is neither run nor received");
  Schedule without = read("0F0,0B0\n");
  Checked wrong = checkExactlyOnce(runsOf(without.placement, right.order));
  expect(wrong && wrong->text.find("runs, but stage 0 does not recompute") !=
                      std::string::npos,
         "a recomputation of a stage that does not recompute is taken");
}

/// Two stages on two devices, two micro-batches, all forwards first.
static void testByHand() {
  Request asked = request("gpipe", 2, 2);
  asked.recompute = "all";
  asked.costs.stages.front().recompute = 0.5;
  asked.costs.stages.front().input = 0.25;
  Schedule schedule = *buildSchedule(asked);
  expect(textOf(schedule.order) ==
             "0F0,0F1,0R0,0B0,0R1,0B1\n1F0,1F1,1R0,1B0,1R1,1B1\n",
         "the order is " + textOf(schedule.order));
  Simulated simulated = *simulateAll(schedule, asked.costs);
  // Device 1 is done with its forwards at 3 and with its backwards at 5.5 and 8; device 0
  // has recomputed by then.
  expect(simulated.timing.makespan == 10,
         "the makespan is " + std::to_string(simulated.timing.makespan));
  expect(simulated.timing.start[0][2] == 2 && simulated.timing.start[0][4] == 7.5,
         "idle time is not filled");
  for (const DeviceUse &use : simulated.use)
    expect(use.peakActivation == 1.25 && use.work == 7,
           "a device holds " + std::to_string(use.peakActivation) + " and works " +
               std::to_string(use.work));
  Program program = *communicate(schedule, {}, asked.costs);
  expect(mostHeld(program, asked.costs)[0].activations == 1.25,
         "the check counts other activations");
}

/// The same two stages, of which the last one's forwards have nothing to do.
static void testEmptyForward() {
  Request asked = request("gpipe", 2, 2);
  asked.recompute = "1";
  asked.costs.lossInGradient = true;
  asked.costs.link.latency = 0.5;
  asked.costs.stages.front().recompute = 0.75;
  Schedule schedule = *buildSchedule(asked);
  expect(textOf(schedule.order) == "0F0,0F1,0B0,0B1\n1F0,1F1,1R0,1B0,1R1,1B1\n",
         "the order is " + textOf(schedule.order));
  Simulated simulated = *simulateAll(schedule, asked.costs);
  const std::vector<double> &starts = simulated.timing.start[1];
  // They wait for nothing, and the recomputation for what device 0 has made at 1.
  expect(starts == std::vector<double>{0, 0, 1.5, 2.25, 4.25, 5},
         "device 1 does not start as expected");
  expect(simulated.timing.makespan == 9.5,
         "the makespan is " + std::to_string(simulated.timing.makespan));
  expect(simulated.use[1].work == 5.5, "device 1 works " + std::to_string(simulated.use[1].work));
  std::vector<Step> path = criticalPath(schedule.placement, schedule.order, simulated.timing);
  expect(path.front().device == 0 && path[1].device == 1 && path[1].position == 2,
         "the recomputation does not wait for a message on the critical path");
  // Received before the forward, as any other message.
  Program program = *communicate(schedule, {}, asked.costs);
  expect(!check(program), "its program is refused");
  size_t at = 0;
  const std::vector<Instruction> &list = program.devices[1];
  while (list[at].op != Instruction::Op::Recv)
    ++at;
  expect(at == 0, "the first forward is not behind its receive");
  // Without a model it is a forward as any other, and with the stage saving what it computes, too.
  asked.costs.lossInGradient = false;
  schedule = *buildSchedule(asked);
  expect(simulateAll(schedule, asked.costs)->use[1].work == 7.5, "a forward takes no time");
  asked.costs.lossInGradient = true;
  asked.recompute = "0";
  schedule = *buildSchedule(asked);
  expect(simulateAll(schedule, asked.costs)->use[1].work == 6, "a forward that saves takes no time");
}

/// Both runs of a pair wait for no recomputation between them.
static void testPairs() {
  Schedule schedule = read("0F0,(0F1;0B0)OVERLAP_F_B,0B1\n");
  recompute(schedule, StageSet{true});
  expect(textOf(schedule.order) == "0F0,0R0,(0F1;0B0)OVERLAP_F_B,0R1,0B1\n",
         "the order is " + textOf(schedule.order));
  expect(!checkOrder(schedule), "pairs with recomputation are refused");
}

static void testTexts() {
  auto is = [](const char *text, int stages, const std::string &expected) {
    ErrorOr<StageSet> set = parseStageSet(text, stages);
    std::string got = set ? toString(*set) : set.error().text;
    expect(got == expected, std::string(text) + ": " + got);
  };
  is("none", 4, "none");
  is("all", 4, "0-3");
  is("0,2-3", 4, "0,2-3");
  is("3,0", 4, "0,3");
  is("1-2,4", 8, "1-2,4");
  is("4", 4, "stage 4 is to recompute, expected 0 to 3");
  is("1-3,2", 4, "stage 2 is to recompute twice, expected it once");
  std::string list =
      " are no stages to recompute, expected none, all, or a list such as 0,2-3";
  for (const char *wrong :
       {"", "x", "0,", ",0", "0-", "2-1", "0;1", "-1", "0 1", "99999999999"})
    is(wrong, 4, "'" + std::string(wrong) + "'" + list);
}

static Costs randomCosts(std::mt19937 &generator, const Schedule &schedule) {
  auto between = [&](double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(generator);
  };
  Costs costs = uneven(schedule.placement);
  for (StageCost &stage : costs.stages) {
    stage.activation = between(0.5, 2);
    stage.kept = between(0.2, 1) * stage.activation;
    stage.input = between(0, 0.3) * stage.activation;
    stage.recompute = between(0.5, 1) * stage.forward;
  }
  return costs;
}

namespace {
struct Outcome {
  double time, peak;
};
} // namespace

static Outcome outcomeOf(Schedule schedule, const StageSet &set, const Costs &costs) {
  recompute(schedule, set);
  Simulated simulated = *simulateAll(schedule, costs);
  double most = 0;
  for (const DeviceUse &use : simulated.use)
    most = std::max(most, use.peakActivation + use.state);
  return {simulated.timing.makespan, most};
}

/// The choice fits, and no set is better: none at all of few, and of many none with one
/// stage less.
static void testChosen(const Schedule &schedule, const Costs &costs, const StageSet &set,
                       const std::string &what) {
  int stages = schedule.placement.stages();
  double memory = costs.memory.front() * (1 + 1e-9);
  Outcome got = outcomeOf(schedule, set, costs);
  expect(got.peak <= memory, what + ": takes too much");
  auto isNoBetter = [&](const StageSet &other) {
    Outcome its = outcomeOf(schedule, other, costs);
    expect(its.peak > memory || its.time >= got.time - 1e-9,
           what + ": " + toString(other) + " is better than " + toString(set));
  };
  for (int stage = 0; stage < stages; ++stage) {
    StageSet less = set;
    less[stage] = false;
    isNoBetter(less);
  }
  for (unsigned bits = 0; stages <= 8 && bits < 1u << stages; ++bits) {
    StageSet other(stages);
    for (int stage = 0; stage < stages; ++stage)
      other[stage] = bits >> stage & 1;
    isNoBetter(other);
  }
}

/// With memory between what all stages need and none.
static void testChoice() {
  std::mt19937 generator(1);
  for (auto [name, devices, count] :
       {std::tuple("1f1b", 4, 8), {"gpipe", 4, 8}, {"zb-v", 3, 6}, {"bitpipe", 4, 8},
        {"1f1b", 20, 40}, {"zb-v", 12, 24}}) {
    Schedule schedule = *buildSchedule(request(name, devices, count));
    int stages = schedule.placement.stages();
    Costs costs = randomCosts(generator, schedule);
    double all = outcomeOf(schedule, StageSet(stages, true), costs).peak;
    double none = outcomeOf(schedule, StageSet(stages), costs).peak;
    expect(all < none, std::string(name) + ": recomputing saves nothing");
    for (double share : {-0.1, 0.0, 0.3, 0.7, 1.0}) {
      costs.memory.assign(devices, all + share * (none - all));
      std::optional<StageSet> set = chooseRecomputed(schedule, costs);
      std::string what = std::string(name) + " with " + std::to_string(share);
      expect(bool(set) == (share >= 0), what + (set ? " fits" : " does not fit"));
      if (!set)
        continue;
      expect(share < 1 || toString(*set) == "none", what + " is needless");
      testChosen(schedule, costs, *set, what);
    }
  }
}

int main() {
  testFamilies();
  testOrders();
  testPrograms();
  testByHand();
  testEmptyForward();
  testPairs();
  testTexts();
  testChoice();
  return report();
}
