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
  expectRefused("0F0,0B0,0U0V1\n0F1,0B1,0U1V1\n", "stage 0 is on devices [0, 1]");
}

/// Ties and slices are for an update that ends the iteration.
static void testTogether() {
  Schedule schedule = build(request("pipedream", 4, 8));
  ErrorOr<Program> tied = communicate(schedule, {{0, 3}});
  expect(!tied && tied.error().text.find("stages [0, 3] share parameters") != std::string::npos,
         "ties are taken");
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
  testTogether();
  return report();
}
