//===- schedule-updates-test.cpp - Updates between micro-batches ------------===//
//
// What the papers say of PipeDream and 2BW, for many sizes: versions, time between fill
// and drain; and orders with one mistake each, which are refused by name.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Check/Check.h"
#include "lib/Transforms/Schedule/Core/CSV.h"
#include "lib/Transforms/Schedule/Simulate/CheckOrder.h"
#include "lib/Transforms/Schedule/Simulate/Communicate.h"
#include "lib/Transforms/Schedule/Simulate/SteadyState.h"
#include "test/Unit/schedule-invariants.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace bitpipe::schedule;

static Schedule build(const Request &asked) {
  ErrorOr<Schedule> schedule = buildSchedule(asked);
  expect(bool(schedule), toText(asked) + ": " + (schedule ? "" : schedule.error().text));
  return *schedule;
}

/// Every device holds so many versions beside the newest, by the walk of the simulation and
/// by that of the check.
static void testVersions(const Request &asked, std::vector<int> versions) {
  Schedule schedule = build(asked);
  Costs costs;
  costs.stages.front().weights = 1;
  costs.stages.front().activation = 1e-9;
  Timing timing = *simulate(schedule.placement, schedule.order, costs);
  std::vector<DeviceUse> use = deviceUse(schedule.placement, schedule.order, timing, costs);
  Program program = *communicate(schedule, {}, costs);
  std::vector<Held> held = mostHeld(program, costs);
  for (size_t device = 0; device < use.size(); ++device)
    for (double most : {use[device].peakActivation, held[device].activations})
      expect(std::lround(most) == versions[device] - 1,
             toText(asked) + ": device " + std::to_string(device) + " keeps " +
                 std::to_string(most) + " older versions, expected " +
                 std::to_string(versions[device] - 1));
}

/// Between fill and drain the slowest device never waits.
static void testSteady(const Request &asked, const Costs &costs, bool idles) {
  Schedule schedule = build(asked);
  Timing timing = *simulate(schedule.placement, schedule.order, costs);
  std::optional<SteadyState> steady = steadyState(schedule, timing, costs);
  if (!steady)
    return expect(false, toText(asked) + ": no steady state");
  expect(std::abs(steady->period - steady->bound) < 1e-9,
         toText(asked) + ": period " + std::to_string(steady->period) + ", bound " +
             std::to_string(steady->bound));
  double most = *std::max_element(steady->idle.begin(), steady->idle.end());
  expect(idles == (most > 1e-9), toText(asked) + ": idles " + std::to_string(most));
}

static Costs unevenStages(int stages) {
  Costs costs;
  costs.stages.clear();
  for (int stage = 0; stage < stages; ++stage) {
    double f = 1 + stage % 3 * 0.25;
    costs.stages.push_back({f, f, f, 2 * f});
    costs.stages.back().optimizer = 0.1;
  }
  return costs;
}

static void testTheory() {
  for (int devices : {1, 2, 3, 4, 8}) {
    int count = 12 * devices;
    std::vector<int> stashed, all(devices, devices), two(devices, 2);
    for (int stage = 0; stage < devices; ++stage)
      stashed.push_back(devices - stage);
    testVersions(request("pipedream", devices, count), stashed);
    testVersions(request("pipedream-vertical", devices, count), all);
    testVersions(request("pipedream-2bw", devices, count), two);
    Costs costs;
    costs.stages.front().optimizer = 0.25;
    for (const char *name : {"pipedream", "pipedream-vertical", "pipedream-2bw"}) {
      testSteady(request(name, devices, count), {}, false);
      testSteady(request(name, devices, count), costs, false);
      testSteady(request(name, devices, count), unevenStages(devices), devices > 1);
    }
  }
  Request longer = request("pipedream-2bw", 4, 32);
  longer.updateEvery = 8;
  testVersions(longer, {2, 2, 2, 2});
}

/// PipeDream-Flush where several devices take turns at a stage: all that holds of schedules,
/// and the number of forwards before the first backward that the paper says.
static void testShared() {
  for (std::vector<int> replicas :
       {std::vector<int>{2}, {2, 1}, {1, 2}, {2, 1, 1}, {3, 2, 1}, {1, 2, 2}, {4, 2, 1, 1}, {2, 3}}) {
    int devices = std::accumulate(replicas.begin(), replicas.end(), 0);
    for (int count : {12, 24, 48}) {
      Request asked = request("pipedream-flush", devices, count);
      asked.stageReplicas = replicas;
      Schedule schedule = build(asked);
      testSchedule(asked, schedule);
      int first = 0;
      for (int own : replicas) {
        int wanted = std::min((devices - first + own - 1) / own, count / own);
        for (int device = first; device < first + own; ++device) {
          const std::vector<Action> &list = schedule.order[device];
          int ahead = int(std::find_if(list.begin(), list.end(), [](const Action &action) {
                            return action.kind == Kind::B;
                          }) - list.begin());
          expect(ahead == wanted, toText(asked) + ": device " + std::to_string(device) + " runs " +
                                      std::to_string(ahead) + " forwards first, expected " +
                                      std::to_string(wanted));
        }
        first += own;
      }
    }
  }
  for (auto [replicas, devices, count, text] :
       {std::tuple(std::vector<int>{1, 1}, 2, 4, "one device at each stage"),
        {std::vector<int>{2, 1}, 4, 4, "3 devices at all stages, expected 4"},
        {std::vector<int>{2, 1}, 3, 5, "expected a multiple of 2"},
        {std::vector<int>{0, 3}, 3, 6, "0 devices at a stage"}}) {
    Request asked = request("pipedream-flush", devices, count);
    asked.stageReplicas = replicas;
    ErrorOr<Schedule> schedule = buildSchedule(asked);
    expect(!schedule && schedule.error().text.find(text) != std::string::npos,
           toText(asked) + ": " + (schedule ? "taken" : schedule.error().text));
  }
}

static void expectRefused(const std::string &cells, const std::string &text) {
  Order order = *readCSV(cells);
  ErrorOr<Placement> placement = inferPlacement(order);
  std::string got = placement ? "" : placement.error().text;
  if (placement)
    if (std::optional<Error> wrong = checkOrder({"text", *placement, order}))
      got = wrong->text;
  expect(got.find(text) != std::string::npos,
         cells + ": " + (got.empty() ? "taken" : got) + ", expected '" + text + "'");
}

/// One device with as many versions as it likes.
static void testOrders() {
  std::string right = "0F0,0F1,0B0,0U0V2,0F2,0B1,0U1V2,0B2,0U2V2\n";
  expect(!checkOrder({"text", *inferPlacement(*readCSV(right)), *readCSV(right)}),
         "a right one is refused");
  expectRefused("0F0,0F1,0U0V2,0B0,0F2,0B1,0U1V2,0B2,0U2V2\n", // too early
                "0U0V2 waits for 0B0");
  expectRefused("0F0,0F1,0B0,0F2,0U0V2,0B1,0U1V2,0B2,0U2V2\n", // too late for 0F2
                "0F2 waits for 0U0V2");
  expectRefused("0F0,0F1,0B0,0U0V1,0F2,0B1,0U1V1,0B2,0U2V1\n", // fewer versions
                "0F1 waits for 0U0V1");
  expectRefused("0F0,0F1,0B0,0U0V2,0F2,0B1,0U1V3,0B2,0U2V2\n",
                "3 versions of the weights of stage 0, expected 2 as at its first update");
  expectRefused("0F0,0B0,0U0V0\n", "0 versions of the weights of stage 0, expected at least 1");
  expectRefused("0F0,0F1,0B0,0B1,0U0V2,0U1V2\n", // two groups in one sum
                "comes before the update of stage 0 after micro-batch 0");
  expectRefused("0F0,0F1,0B1,0B0,0U1V2\n", "weight gradient of micro-batch 1");
  expectRefused("0F0,0F1,0F2,0B0,0B1,0U1V2,0B2\n", "3 micro-batches, expected a multiple of the 2");
  expectRefused("0F0,0F1,0B0,0U0V2,0B1\n", "the update of stage 0 after micro-batch 1 never runs");
  expectRefused("0F0,0F1,0F2,0F3,0B0,0B1,0U1V2,0B2,0U2V2,0B3,0U3V2\n",
                "runs, expected updates after every 2 micro-batches as the first one says");
  // Of two devices each makes every update with the other.
  std::string shared = "0F0,0B0,0U0V1,0F2,0B2,0U2V1\n0F1,0B1,0U1V1,0F3,0B3,0U3V1\n";
  expect(inferPlacement(*readCSV(shared))->updates().every == 2 &&
             !checkOrder({"text", *inferPlacement(*readCSV(shared)), *readCSV(shared)}),
         "a right one of two devices is refused");
  expectRefused("0F0,0B0,0U0V1,0F1,0B1,0U1V1\n1F0,1B0,1U0V1\n1F1,1B1,1U1V1\n",
                "device 1 runs stage 1 for none of micro-batches 1 to 1");
  expectRefused("0F0,0B0,0U0V1,0F2,0B2,0U2V1\n0F1,0B1,0U1V1,0F3,0B3\n",
                "the update of stage 0 after micro-batch 3 never runs");
  expectRefused("0F0,1F0,1B0,0B0,0U0V1,1U0V1\n0F1,1F1,1B1,0B1,1U1V1,0U1V1\n", // each waits
                "waits for a sum with device");
}

/// What a forward finds: at the first one of each group a device has made as many updates as
/// make the version that the group reads.
static void testFound(const Request &asked) {
  Schedule schedule = build(asked);
  const Placement &placement = schedule.placement;
  int every = placement.updates().every;
  for (const std::vector<Action> &list : schedule.order) {
    int updates = 0, group = -1;
    for (const Action &action : list) {
      updates += action.kind == Kind::U;
      if (action.kind != Kind::F || action.microbatch / every == group)
        continue;
      group = action.microbatch / every;
      int read = std::max(0, group + 1 - placement.updates().versions[action.stage]);
      expect(read == updates, toText(asked) + ": " + toString(action) + " finds version " +
                                  std::to_string(updates) + " and reads " + std::to_string(read));
    }
  }
}

/// With stages as long as they have devices the pipeline stays full, though replicas wait for each
/// other.
static void testFull(const Request &asked, const std::vector<int> &replicas) {
  Costs costs;
  costs.stages.clear();
  for (int count : replicas)
    costs.stages.push_back({1. * count, 1. * count, 1. * count, 2. * count});
  Schedule schedule = build(asked);
  Timing timing = *simulate(schedule.placement, schedule.order, costs);
  std::optional<SteadyState> steady = steadyState(schedule, timing, costs);
  expect(steady && std::abs(steady->period - steady->bound) < 1e-9,
         toText(asked) + ": " + (steady ? "period " + std::to_string(steady->period) + ", bound " +
                                              std::to_string(steady->bound)
                                        : "no steady state"));
}

static Program programOf(const Request &asked, const std::vector<std::vector<int>> &ties) {
  ErrorOr<Program> program = communicate(build(asked), ties);
  expect(bool(program), toText(asked) + ": " + (program ? "" : program.error().text));
  return *program;
}

static void expectBroken(const Program &program, const std::string &invariant, const std::string &text) {
  Checked wrong = check(program);
  expect(wrong && wrong->invariant == invariant && wrong->text.find(text) != std::string::npos,
         (wrong ? wrong->invariant + ": " + wrong->text : "taken") + ", expected " + invariant + ": " + text);
}

/// Sums before updates: lost, doubled, too early, of one device alone, in another order.
static void testSumsBetween() {
  Request asked = request("pipedream", 4, 8);
  asked.stageReplicas = {2, 1, 1};
  Program right = programOf(asked, {{0, 2}});
  expect(!check(right), "a right program is refused");
  std::vector<Instruction> &list = right.devices[0];
  auto sum = std::find_if(list.begin(), list.end(), [](const Instruction &one) {
    return one.op == Instruction::Op::Reduce;
  });
  size_t at = size_t(sum - list.begin());
  Program lost = right, doubled = right, early = right, swapped = right;
  lost.devices[0].erase(lost.devices[0].begin() + at);
  expectBroken(lost, "updates", "comes without reduce stages [0] before it");
  doubled.devices[0].insert(doubled.devices[0].begin() + at, *sum);
  expectBroken(doubled, "updates", "comes a second time before the update of stage 0");
  Instruction first = *sum;
  early.devices[0].erase(early.devices[0].begin() + at);
  early.devices[0].insert(early.devices[0].begin(), first);
  expectBroken(early, "updates", "comes before the last weight gradient of stage 0");
  std::swap(swapped.devices[0][at], swapped.devices[0][at + 1]);
  expectBroken(swapped, "progress", "this closes a cycle");
}

static void testSharedUpdates() {
  for (std::vector<int> stages : {std::vector<int>{2, 1, 1}, {1, 2}, {2}, {3, 1}, {2, 2}, {3, 2, 1}, {4, 2, 1, 1}})
    for (int replicas : {1, 2})
      for (int times : {1, 2, 3}) {
        Request asked = request("pipedream", replicas * std::accumulate(stages.begin(), stages.end(), 0), 288);
        asked.stageReplicas = stages;
        asked.replicas = replicas;
        int turns = placementFor(asked)->updates().every;
        expect(turns % replicas == 0, toText(asked) + ": updates after " + std::to_string(turns));
        asked.updateEvery = times * turns;
        testFound(asked);
        testFull(asked, stages);
        testSchedule(asked, build(asked));
        for (const char *name : {"pipedream-vertical", "pipedream-2bw"}) {
          asked.pipeline = name;
          if (name == std::string("pipedream-2bw"))
            asked.updateEvery = 0;
          testSchedule(asked, build(asked));
        }
      }
  for (auto [every, text] : {std::pair(3, "updates after every 3 micro-batches, expected a multiple of 2"),
                             {6, "expected a divisor of 8"}}) {
    Request asked = request("pipedream", 4, 8);
    asked.stageReplicas = {2, 1, 1};
    asked.updateEvery = every;
    ErrorOr<Schedule> schedule = buildSchedule(asked);
    expect(!schedule && schedule.error().text.find(text) != std::string::npos,
           toText(asked) + ": " + (schedule ? "taken" : schedule.error().text));
  }
}

/// Ties are summed for every update, of stages on devices of their own; slices are for an update
/// that ends the iteration.
static void testTogether() {
  Schedule schedule = build(request("pipedream", 4, 8));
  expect(!check(programOf(request("pipedream", 4, 8), {{0, 3}})), "ties are refused");
  std::string both = "0F0,1F0,1B0,1U0V1,0B0,0U0V1\n";
  ErrorOr<Program> tied = communicate({"text", *inferPlacement(*readCSV(both)), *readCSV(both)}, {{0, 1}});
  expect(!tied && tied.error().text.find("stages [0, 1] share parameters and some of them a device") !=
                      std::string::npos,
         "ties on one device are taken");
  Schedule slices = schedule;
  slices.placement.setShard(Shard::Optimizer);
  ErrorOr<Program> sharded = communicate(slices);
  expect(!sharded && sharded.error().text.find("--shard=optimizer") != std::string::npos,
         "slices are taken");
  Program program = *communicate(schedule);
  expect(!check(program), "a right program is refused");
  program.devices[0].push_back(Instruction::update(0));
  Checked wrong = check(program);
  expect(wrong && wrong->invariant == "updates", "a second update at the end is taken");
}

int main() {
  testTheory();
  testShared();
  testOrders();
  testSharedUpdates();
  testSumsBetween();
  testTogether();
  return report();
}
