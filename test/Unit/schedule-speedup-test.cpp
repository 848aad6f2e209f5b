//===- schedule-speedup-test.cpp - Whether larger micro-batches pay ---------===//
//
// The estimate beside simulated steps, of which it needs one.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Emit/Speedup.h"
#include "test/Unit/schedule-support.h"

#include <cmath>
#include <sstream>

using namespace bitpipe::schedule;

/// A step of a batch in micro-batches of one size.
static Simulated stepOf(const std::string &name, int devices, int batch, Efficiencies::Of of) {
  Request asked = request(name, devices, batch / of.size);
  double time = of.size / of.efficiency;
  asked.costs.stages = {{time, time, time, 2 * time}};
  return *simulateAll(*buildSchedule(asked), asked.costs);
}

/// Of schedules whose idle time does not depend on the number of micro-batches.
static void testSimulated() {
  for (const char *name : {"1f1b", "bpipe", "gpipe", "zb-h1", "interleaved"})
    for (auto [devices, batch] : {std::pair(4, 64), {8, 128}})
      for (Efficiencies::Of larger : {Efficiencies::Of{2, 0.42}, {2, 0.55}, {4, 0.5}}) {
        Efficiencies::Of one{1, 0.4};
        Simulated before = stepOf(name, devices, batch, one);
        double expected =
            before.timing.makespan / stepOf(name, devices, batch, larger).timing.makespan;
        double got = speedup(batch, idleMicrobatches(before), one, larger);
        expect(std::abs(got - expected) < 1e-9,
               std::string(name) + ": estimated " + std::to_string(got) + ", simulated " +
                   std::to_string(expected));
      }
}

/// In 1F1B a step idles for p-1 micro-batches; with as many more efficient it is as fast.
static void testFormula() {
  for (int devices : {1, 2, 4, 8, 16})
    for (const char *name : {"1f1b", "bpipe"}) {
      double idle = idleMicrobatches(stepOf(name, devices, 64, {1, 1}));
      expect(std::abs(idle - (devices - 1)) < 1e-9,
             std::string(name) + " idles for " + std::to_string(idle) + " micro-batches");
    }
  double needed = (128 + 2 * 7.0) / (128 + 7.0);
  expect(std::abs(speedup(128, 7, {1, 1}, {2, needed}) - 1) < 1e-12, "break even is elsewhere");
}

/// BPipe with larger micro-batches beside 1F1B with smaller ones, whose activations need no
/// room: the estimate knows on which side of 1 the simulated steps are, moves included.
static void testSigns() {
  int faster = 0, slower = 0;
  for (int devices : {4, 8, 16})
    for (int batch : {64, 128, 256})
      for (int size : {1, 2, 4})
        for (double ratio = 1; ratio < 1.6; ratio += 0.03)
          for (double moved : {0.0, 0.1, 0.3}) {
            Efficiencies::Of from{size, 1}, to{2 * size, ratio};
            double estimated = speedup(batch, devices - 1, from, to);
            if (std::abs(estimated - 1) < 0.01)
              continue;
            Request asked = request("bpipe", devices, batch / to.size);
            double time = to.size / ratio;
            asked.costs.stages = {{time, time, time, 2 * time}};
            asked.costs.stages.front().message = 0;
            asked.costs.link.transfer = moved * time;
            double after = simulateAll(*buildSchedule(asked), asked.costs)->timing.makespan;
            double simulated = stepOf("1f1b", devices, batch, from).timing.makespan / after;
            expect((estimated > 1) == (simulated > 1),
                   toText(asked) + ": estimated " + std::to_string(estimated) + ", simulated " +
                       std::to_string(simulated));
            ++(estimated > 1 ? faster : slower);
          }
  std::printf("%d faster, %d slower as estimated\n", faster, slower);
  expect(faster > 100 && slower > 100, "too few on one side");
}

static void testTexts() {
  auto refused = [](const char *text, const char *why) {
    ErrorOr<Efficiencies> read = parseEfficiencies(text);
    std::string got = read ? "taken" : read.error().text;
    expect(got.find(why) != std::string::npos, std::string(text) + ": " + got);
  };
  ErrorOr<Efficiencies> read = parseEfficiencies("128:1=0.38,2=0.49,4=5e-1");
  expect(read && read->batch == 128 && read->sizes.size() == 3 && read->sizes[2].size == 4 &&
             read->sizes[2].efficiency == 0.5,
         "efficiencies are read wrongly");
  for (const char *text : {"", "128", "128:", "128:1", "128:1=", "128:1=0.4", "128:1=0.4,",
                           "128:2=0.4,1=0.3", "128:1=0.4,1=0.5", "0:1=0.4,2=0.5",
                           "128:1=0,2=0.5", "128:1=-1,2=0.5", "128:1=nan,2=0.5",
                           "128:1=0.4,2=0.5x", "128:1=0.4;2=0.5"})
    refused(text, "expected the batch and two or more sizes");
  refused("128:1=0.4,3=0.5", "micro-batches of 3 samples of a batch of 128, expected a divisor");
}

static void testLines() {
  Request asked = request("bpipe", 16, 32);
  asked.replicas = 2;
  Simulated simulated = *simulateAll(*buildSchedule(asked));
  std::ostringstream text;
  expect(!emitSpeedups(text, simulated, {256, {{1, 0.4}, {2, 0.5}}}), "refused");
  expect(text.str() == "micro-batches of 2 samples instead of 1: 1.188x as fast, 1.250x by "
                       "efficiency and 0.951x by idling, for a batch of 128 in each replica and "
                       "the idle time of 7 micro-batches\n",
         text.str());
  expect(bool(emitSpeedups(text, simulated, {3, {{1, 0.4}, {3, 0.5}}})), "replicas share nothing");
}

int main() {
  testSimulated();
  testFormula();
  testSigns();
  testTexts();
  testLines();
  return report();
}
