//===- schedule-families-test.cpp - Every schedule, checked and timed -------===//
//
// Usage: schedule-families-test GOLDEN-FOLDER
// Golden files, every family over many sizes through the checks, times against
// formulas, and against a second simulation that is written differently.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Bounds.h"
#include "lib/Transforms/Schedule/CSV.h"
#include "lib/Transforms/Schedule/Check.h"
#include "lib/Transforms/Schedule/Communicate.h"
#include "lib/Transforms/Schedule/Simulate.h"
#include "lib/Transforms/Schedule/Sums.h"
#include "test/Unit/schedule-support.h"
#include "test/Unit/second-simulation.h"

#include <algorithm>
#include <cmath>
#include <sstream>

using namespace bitpipe::schedule;

static void testGolden(const std::string &folder, const Request &asked,
                       const std::string &file) {
  ErrorOr<Schedule> made = buildSchedule(asked);
  ErrorOr<Schedule> golden = readSchedule(folder + "/" + file);
  if (!made || !golden)
    return expect(false, (made ? golden.error() : made.error()).text);
  for (int device = 0; device < asked.devices; ++device)
    expect(made->order[device] == golden->order[device],
           toText(asked) + " differs from " + file + " on device " +
               std::to_string(device));
  // What is read is written again, but for cells without meaning.
  std::ostringstream text;
  writeCSV(text, golden->order);
  ErrorOr<Order> again = readCSV(text.str());
  expect(again && *again == golden->order, file + " changes when rewritten");
}

/// Stages, messages and links of different lengths. Sizes are such that slow
/// links hold messages up.
static Costs uneven(const Placement &placement) {
  Costs costs;
  costs.stages.clear();
  for (int stage = 0; stage < placement.stages(); ++stage) {
    double f = 1 + stage % 3 * 0.25;
    StageCost cost{f, 1.1 * f, 0.9 * f, 2 * f};
    cost.activation = 1 + stage % 2 * 0.5;
    cost.message = 1 + stage % 4 * 0.5;
    cost.sum = 0.7 + stage % 2;
    costs.stages.push_back(cost);
  }
  int devices = placement.devices();
  costs.links.assign(devices, std::vector<Link>(devices));
  for (int from = 0; from < devices; ++from)
    for (int to = 0; to < devices; ++to)
      costs.links[from][to] = from / 2 == to / 2
                                  ? Link{0.05, 0.1 + 0.01 * to}
                                  : Link{0.6 + 0.1 * (from % 3), 0.4};
  return costs;
}

static Costs latency(double time) {
  Costs costs;
  costs.link.latency = time;
  return costs;
}

/// Every shared group is summed once, after all its weight gradients, and a
/// device does one sum at a time.
static void testSums(const Request &asked, const Schedule &schedule,
                     const Program &program) {
  Costs costs = uneven(schedule.placement);
  Timing timing = *simulate(schedule.placement, schedule.order, costs);
  std::vector<SumTime> sums = simulateSums(program, timing, costs);
  std::vector<double> start(program.groups.size(), -1);
  std::vector<double> busy(program.devices.size());
  for (const SumTime &sum : sums) {
    expect(start[sum.group] < 0, toText(asked) + ": a sum comes twice");
    start[sum.group] = sum.start;
    for (int member : program.groups[sum.group].devices) {
      expect(sum.start >= busy[member], toText(asked) + ": two sums at a time");
      busy[member] = sum.end;
    }
  }
  for (size_t g = 0; g < program.groups.size(); ++g) {
    const Group &group = program.groups[g];
    expect((group.devices.size() > 1) == (start[g] >= 0),
           toText(asked) + ": a sum is missing or needless");
    for (int stage : group.stages)
      for (size_t device = 0; start[g] >= 0 && device < schedule.order.size();
           ++device)
        for (size_t i = 0; i < schedule.order[device].size(); ++i) {
          const Action &action = schedule.order[device][i];
          if (action.stage == stage && makesWeightGradient(action.kind))
            expect(timing.end[device][i] <= start[g] + 1e-9,
                   toText(asked) + ": a sum starts before its gradients");
        }
  }
}

/// Everything that must hold of whatever a family gives.
static void testSchedule(const Request &asked, const Schedule &schedule) {
  for (const Costs &costs :
       {Costs(), latency(0.3), uneven(schedule.placement)}) {
    ErrorOr<Simulated> simulated = simulateAll(schedule, costs);
    if (!simulated)
      return expect(false, toText(asked) + ": " + simulated.error().text);
    double makespan = simulated->timing.makespan;
    double second = SecondSimulation(schedule, costs).makespan();
    expect(std::abs(makespan - second) < 1e-6,
           toText(asked) + ": makespan " + std::to_string(makespan) +
               ", second opinion " + std::to_string(second));
    Bounds bound = bounds(*simulated);
    expect(bound.anyMemory <= bound.sameMemory + 1e-6 &&
               bound.sameMemory <= makespan + 1e-6,
           toText(asked) + ": makespan " + std::to_string(makespan) +
               " beats the bound " + std::to_string(bound.sameMemory));
    expect(bound.anyMemory <= bound.iteration + 1e-6 &&
               bound.iteration <= simulated->iterationEnd + 1e-6,
           toText(asked) + ": iteration of " +
               std::to_string(simulated->iterationEnd) + " beats the bound " +
               std::to_string(bound.iteration));
  }
  ErrorOr<Program> program =
      communicate(schedule, {{0, schedule.placement.stages() - 1}});
  if (schedule.placement.stages() == 1)
    program = communicate(schedule);
  if (!program)
    return expect(false, toText(asked) + ": " + program.error().text);
  Checked wrong = check(*program);
  expect(!wrong, toText(asked) + ": " + (wrong ? wrong->text : ""));
  testSums(asked, schedule, *program);
  ErrorOr<Placement> inferred = inferPlacement(schedule.order);
  expect(bool(inferred), toText(asked) + ": routes cannot be read off");
}

static void testFamilies() {
  int built = 0;
  for (const Family &family : families())
    for (int devices : {1, 2, 3, 4, 5, 6, 8})
      for (int count : {1, 2, 3, 4, 6, 7, 8, 9, 12, 16, 17, 24})
        for (int chunks : {0, 3, 4}) {
          Request asked = request(family.name, devices, count, chunks);
          ErrorOr<Schedule> schedule = buildSchedule(asked);
          if (!schedule) {
            expect(schedule.error().text.find("expected") != std::string::npos,
                   toText(asked) + " does not say what it needs");
            continue;
          }
          ++built;
          testSchedule(asked, *schedule);
        }
  std::printf("%d schedules of %zu families checked\n", built,
              families().size());
}

/// The largest idle time of a device, in forwards of a stage of two chunks.
static double idle(const Request &asked, double &peak) {
  ErrorOr<Schedule> schedule = buildSchedule(asked);
  if (!schedule) {
    expect(false, schedule.error().text);
    return -1;
  }
  Costs costs;
  if (asked.chunks > 2) {
    double part = 2.0 / asked.chunks;
    costs.stages = {{part, part, part, 2 * part, part}};
  }
  ErrorOr<Simulated> simulated = simulateAll(*schedule, costs);
  if (!simulated) {
    expect(false, simulated.error().text);
    return -1;
  }
  double most = peak = 0;
  for (const DeviceUse &use : simulated->use) {
    most = std::max(most, use.idle);
    peak = std::max(peak, use.peakActivation);
  }
  return most;
}

static void expectIdle(const Request &asked, double formula,
                       double memory = INFINITY) {
  double peak = 0, got = idle(asked, peak);
  expect(std::abs(got - formula) < 1e-6,
         toText(asked) + " idles " + std::to_string(got) + ", expected " +
             std::to_string(formula));
  expect(peak <= memory + 1e-6, toText(asked) + " holds " +
                                    std::to_string(peak) +
                                    " activations, expected at most " +
                                    std::to_string(memory));
}

static void testFormulas() {
  for (int d : {2, 4, 6, 8, 12, 16})
    for (int k : {1, 2, 3, 4, 8}) {
      int n = k * d;
      for (const char *name : {"gpipe", "1f1b", "interleaved", "breadth-first"})
        expectIdle(request(name, d, n), 3 * (d - 1));
      expectIdle(request("bitpipe-published", d, n), (k + 1) * (d - 2),
                 2 * d);
      expectIdle(request("chimera", d, n), (k + 1) * (d - 2));
      expectIdle(request("bitpipe-zb", d, n), (d - 2) / 2.0, 2 * d);
      if (d <= 8)
        expectIdle(request("bitpipe-zb", d, n, 4), (d - 2) / 4.0, 2 * d);
      if (k < 2)
        continue;
      if (k % 2 == 0)
        for (const char *name : {"chimera-doubling", "chimera-halving"})
          expectIdle(request(name, d, n), 1.5 * (d - 2), 2 * d);
      expectIdle(request("bitpipe", d, n), 1.5 * (d - 2), 2.5 * d);
      expectIdle(request("dualpipev", d, n), d - 1, 2 * d + 1);
    }
}

/// Orders of one V keep their idle time and memory whatever the number of
/// devices and micro-batches.
static void testOneV() {
  for (int d = 2; d <= 32; ++d) {
    std::vector<int> counts;
    for (int n = 1; n <= 2 * d; n += d > 16 ? 3 : 1)
      counts.push_back(n);
    for (int n : {d, 3 * d, 5 * d + 1, 8 * d})
      counts.push_back(n);
    for (int n : counts) {
      Request half = request("v-half", d, n);
      double peak = 0, got = idle(half, peak);
      if (4 * n >= 3 * d + 4)
        expectIdle(half, 3 * d - 5);
      // In fewer than that the pipeline is hardly full.
      expect(peak <= d + 2 && got <= 4 * d - 5,
             toText(half) + " idles " + std::to_string(got) + " and holds " +
                 std::to_string(peak) + " activations");
      if (n > 1)
        expectIdle(request("v-min", d, n), 4 * d - 5 + (d % 3 == 0 ? 2 : 0),
                   2 * d / 3.0 + 3);
      if (n == d || 2 * n >= 3 * d)
        expectIdle(request("zb-v", d, n), d - 1, 2 * d);
    }
  }
}

/// With costs that its block is not made for, v-half is no worse than the
/// block's order, and holds no more than it may.
static void testVHalfCosts() {
  bool better = false;
  for (int d : {4, 5, 8}) {
    Request plain = request("v-half", d, 2 * d), asked = plain;
    asked.costs = *parseCosts("F=1,I=1.4,W=0.6,comm=0.2");
    ErrorOr<Schedule> block = buildSchedule(plain), made = buildSchedule(asked);
    double before = simulateAll(*block, asked.costs)->timing.makespan;
    double after = simulateAll(*made, asked.costs)->timing.makespan;
    better = better || after < before;
    expect(after <= before, toText(asked) + " takes " + std::to_string(after) +
                                ", the block's order " +
                                std::to_string(before));
    // The same in another unit changes nothing.
    plain.costs = *parseCosts("F=3,I=3,W=3,B=6");
    expect(buildSchedule(plain)->order == block->order,
           toText(plain) + " depends on the unit");
    for (double memory : {d - 1.0, d + 2.0, 1.5 * d}) {
      asked.memory = memory;
      double peak = 0;
      idle(asked, peak);
      expect(peak <= memory, toText(asked) + " holds " + std::to_string(peak) +
                                 " activations of " + std::to_string(memory));
    }
  }
  expect(better, "v-half does not heed costs");
}

/// With 2D activations bitpipe waits for its first gradient, too.
static void testTightMemory() {
  for (int d : {2, 4, 6, 8, 12})
    for (int k = 2; k <= 16; ++k) {
      Request asked = request("bitpipe", d, k * d);
      asked.memory = 2 * d;
      expectIdle(asked, 2 * (d - 2), 2 * d);
    }
  for (int d : {10, 14, 16})
    for (int k : {2, 3, 4, 8, 15}) {
      Request asked = request("bitpipe", d, k * d);
      asked.memory = 2 * d;
      double peak = 0, got = idle(asked, peak);
      expect(got <= 2.6 * (d - 2) && peak <= 2 * d,
             toText(asked) + " in 2D activations idles " +
                 std::to_string(got));
    }
}

/// One middle device, which has the same stages for both directions.
static void testOddDevices() {
  for (int n : {6, 7, 9, 12, 24, 47})
    expectIdle(request("bitpipe", 3, n), 3, 7);
  for (int d : {5, 7, 11, 13, 15, 17})
    for (int k : {2, 3, 4, 8})
      expectIdle(request("bitpipe", d, k * d), 1.5 * (d - 1), 2.5 * d);
  for (int d : {3, 5, 9, 15})
    for (int k : {2, 4})
      expectIdle(request("chimera", d, k * d), 2 * d - 3, d + 1);
  for (int d : {9, 23, 31})
    for (double k : {1.5, 2.0, 4.0}) {
      Request asked = request("bitpipe", d, int(std::ceil(k * d)));
      double peak = 0, got = idle(asked, peak);
      expect(got <= 1.65 * (d - 1) && peak <= 2.5 * d,
             toText(asked) + " idles " + std::to_string(got));
    }
  for (int d : {5, 7, 9, 15, 23, 31})
    for (int k : {1, 2, 4})
      expectIdle(request("bitpipe-zb", d, k * d), (d - 1) / 2.0, 2 * d);
}

/// So many of the micro-batches enter on device 0, and of those up to any one
/// the same share, give or take a half.
static void testSpread(const Request &asked, const Placement &placement) {
  int down = 0;
  for (int m = 0; m < asked.microbatches; ++m) {
    down += placement.device(0, m) == 0;
    double share = (m + 1.0) * asked.down / asked.microbatches;
    expect(std::abs(down - share) <= 0.5, toText(asked) + " spreads unevenly");
  }
}

/// Any share of the two directions, in the memory of equal ones.
static void testShares() {
  for (auto [name, share] : {std::pair("bitpipe", 2.5), {"bitpipe-zb", 2.0},
                             {"chimera", 1.25}})
    for (int d : {4, 5})
      for (int down = 0; down <= 2 * d; ++down) {
        Request asked = request(name, d, 2 * d);
        asked.down = down;
        ErrorOr<Schedule> schedule = buildSchedule(asked);
        if (!schedule)
          return expect(false, schedule.error().text);
        if (down != d) // Equal halves may be in groups.
          testSpread(asked, schedule->placement);
        testSchedule(asked, *schedule);
        double peak = 0;
        idle(asked, peak);
        expect(peak <= share * d, toText(asked) + " holds too much");
      }
  // The ends wait for the other direction with what they have of their own.
  for (int d : {8, 14})
    for (int down = 0; down <= 2 * d; ++down) {
      Request asked = request("bitpipe-zb", d, 2 * d);
      asked.down = down;
      int fewer = std::min(down, 2 * d - down);
      expectIdle(asked, std::max((d - 2) / 2, d - 1 - fewer), 2 * d);
    }
}

int main(int argc, char **argv) {
  std::string folder = argc > 1 ? argv[1] : "test/golden";
  for (int d : {4, 6, 8})
    for (const char *name : {"bitpipe", "bitpipe-published"})
      testGolden(folder, request(name, d, d),
                 "bitpipe-d" + std::to_string(d) + "-n" + std::to_string(d) +
                     ".csv");
  testGolden(folder, request("chimera", 4, 4), "chimera-d4-n4.csv");
  const std::pair<const char *, const char *> pytorch[] = {
      {"gpipe", "gpipe"},
      {"interleaved", "interleaved1f1b"},
      {"interleaved-zb", "interleavedzerobubble"},
      {"breadth-first", "loopedbfs"},
      {"zb-v", "zbvzerobubble"},
      {"dualpipev", "dualpipev"}};
  for (auto [name, file] : pytorch)
    testGolden(folder, request(name, 4, 8),
               std::string("pytorch/") + file + "-d4-n8.csv");
  testFamilies();
  testFormulas();
  testOneV();
  testVHalfCosts();
  testTightMemory();
  testOddDevices();
  testShares();
  return report();
}
