//===- profile-test.cpp - What messages took, from when they began and ended -===//
//
// Device 0 sends to device 1, which waits for every message: with a latency of 10 us
// and 1 GB/s, which the profile must find.
//
//===----------------------------------------------------------------------===//

#include "lib/Runtime/Train/Profile.h"

#include <cmath>
#include <cstdio>

using namespace bitpipe;

static int failures = 0;

static void expectNear(double got, double expected, const char *what) {
  if (std::abs(got - expected) <= 1e-6 * std::abs(expected) + 1e-15)
    return;
  ++failures;
  std::fprintf(stderr, "failed: %s is %g, expected %g\n", what, got, expected);
}

namespace {

/// Sends of given sizes, each followed by the next; the receiver posts all of its
/// receives but the late ones and then runs what needs them.
struct Case {
  explicit Case(const std::vector<int64_t> &sizes, std::vector<bool> late = {})
      : sizes(sizes), late(std::move(late)) {
    this->late.resize(sizes.size());
    program.routines.resize(1);
    program.routines[0].calls.resize(1); // does something
    program.devices.resize(2);
    links.devices.resize(2);
    for (size_t m = 0; m < sizes.size(); ++m) {
      RunName run{'F', 0, int64_t(m)};
      links.messages.push_back({run, 0, 1, 0, 0, sizes[m], false});
      push(0, Transmit{run, 1, 0, false}, {}, int64_t(m));
      if (!this->late[m])
        push(1, Receive{run, 0, 0}, {}, int64_t(m));
    }
    for (size_t m = 0; m < sizes.size(); ++m) {
      if (this->late[m])
        push(1, Receive{{'F', 0, int64_t(m)}, 0, 0}, {}, int64_t(m));
      push(1, Execute{{'F', 1, int64_t(m)}, 0, {}},
           {{Wait::Message, int64_t(m), false}}, -1);
    }
    for (int d = 0; d < 2; ++d)
      push(d, GradNorm{}, {}, -1);
  }

  void push(int d, Instruction op, std::vector<Wait> waits, int64_t starts) {
    program.devices[d].instructions.push_back(std::move(op));
    links.devices[d].waits.push_back(std::move(waits));
    links.devices[d].starts.push_back(starts);
  }

  /// What both devices would have recorded. The norm takes two hops of `hop`.
  std::vector<ProcessReport> reports(bool apart, Nanoseconds hop) const {
    std::vector<TimedWork> first, second;
    Nanoseconds start = 0, at = 0;
    size_t count = sizes.size();
    for (size_t m = 0; m < count; ++m, start += 1'000'000) {
      first.push_back({start, start, 0});
      if (!late[m])
        second.push_back({0, 0, 0});
    }
    for (size_t m = 0; m < count; ++m) {
      Nanoseconds there = first[m].end + 10'000 + sizes[m];
      if (late[m]) { // It has come when it is asked for.
        second.push_back({there, there, 0});
        there += 500;
      }
      second.push_back({there, there + 100, 100});
      at = there + 100;
    }
    first.push_back({at, at + 10, 10});
    second.push_back({at, at + 10 + 2 * hop, 10});
    DeviceReport sender{}, receiver{};
    receiver.device = 1;
    sender.instructions = {first, first};
    receiver.instructions = {second, second};
    if (!apart)
      return {{0, "host", {0, 1}, 1, 0, {}, {sender, receiver}}};
    return {{0, "host", {0}, 1, 0, {{1, eagerBytes}}, {sender}}, {1, "host", {1}, 1, 0, {}, {receiver}}};
  }

  schedule::Costs measure(bool apart, Nanoseconds hop) const {
    schedule::Costs costs;
    addLinks(program, links, reports(apart, hop), costs);
    return costs;
  }

  std::vector<int64_t> sizes;
  int64_t eagerBytes = 0;
  std::vector<bool> late; // messages whose receive is posted when they have come
  Program program;
  Links links;
};

/// Two GPUs that time both ends of each message, and are in a sum of stage 0. Of the ends of a
/// message the one that comes first waits for the other for 1 ms, and a library may have had
/// room for what comes before its receive, which then takes half of its time.
struct GPUCase : Case {
  GPUCase(const std::vector<int64_t> &sizes, std::vector<bool> late, bool buffered)
      : Case(sizes, std::move(late)), buffered(buffered) {
    links.collectives.push_back({Collective::AllReduce, {0}, {0, 1}, {0, 0}, 100, 0, {-1, -1}});
    for (DeviceLinks &device : links.devices)
      device.collectives = {0};
  }

  std::vector<ProcessReport> reports(bool apart) const {
    std::vector<ProcessReport> processes = Case::reports(apart, 3000);
    constexpr Nanoseconds wait = 1'000'000, sum = 50'000, clocks = 7'000'000;
    for (ProcessReport &process : processes)
      for (DeviceReport &device : process.devices) {
        bool sends = device.device == 0;
        device.place = "GPU";
        device.work.resize(program.devices[device.device].instructions.size());
        // Device 1 comes last to the sum, though the clock of device 0 is ahead.
        TimedWork first{clocks, clocks + sum + wait, sum + wait}, last{0, sum, sum};
        device.sums = {{sends ? first : last, sends ? first : last}};
        for (size_t i = 0; i < device.work.size(); ++i)
          if (int64_t m = links.devices[device.device].starts[i]; m >= 0)
            for (auto &step : device.instructions) {
              Nanoseconds transfer = 10'000 + sizes[m];
              step[i].work = apart && late[m] == sends ? transfer + wait
                             : !sends && buffered      ? transfer / 2
                                                       : transfer;
              if (!sends && !apart)
                step[i].work = transfer / 3; // what its GPU sees of a copy
            }
      }
    return processes;
  }

  schedule::Costs measure(bool apart) const { return profile(program, links, reports(apart), 0); }

  bool buffered;
};

} // namespace

static void testGPUs() {
  for (bool buffered : {false, true}) {
    schedule::Costs apart = GPUCase({1000, 200'000, 1000, 1000, 200'000, 1000},
                                    {false, false, true, true, false, true}, buffered).measure(true);
    expectNear(apart.links[0][1].latency, 10e-6, "latency between GPUs of two processes");
    expectNear(1 / apart.links[0][1].transfer, 1e9, "bandwidth between GPUs of two processes");
    expectNear(apart.stages[0].sum, 50e-6, "a sum of GPUs");
  }
  // All receivers come late: there is nothing else to go by.
  schedule::Costs late = GPUCase({1000, 200'000}, {true, true}, false).measure(true);
  expectNear(late.links[0][1].latency, 10e-6, "latency between GPUs, of late receives");
  expectNear(1 / late.links[0][1].transfer, 1e9, "bandwidth between GPUs, of late receives");
  // The numbers of the norm tell nothing, so that with one size all is bandwidth.
  schedule::Costs one = GPUCase({90'000, 90'000}, {}, false).measure(true);
  expectNear(one.links[0][1].latency, 0, "latency between GPUs, from one size");
  expectNear(one.links[0][1].transfer, 100e-6 / 90'000, "bandwidth between GPUs, from one size");
  // A copy is timed where it runs, and takes longer for more.
  schedule::Costs within = GPUCase({1000, 200'000}, {true, false}, false).measure(false);
  expectNear(within.links[0][1].latency, 10e-6, "latency between GPUs of a process");
  expectNear(1 / within.links[0][1].transfer, 1e9, "bandwidth between GPUs of a process");
  expectNear(within.stages[0].sum, 50e-6, "a sum of GPUs of a process");
}

int main() {
  testGPUs();
  schedule::Costs two = Case({1000, 200'000, 1000, 200'000}).measure(true, 3000);
  expectNear(two.links[0][1].latency, 10e-6, "latency from two sizes");
  expectNear(1 / two.links[0][1].transfer, 1e9, "bandwidth from two sizes");
  // The other direction has no messages, and what is known of this one.
  expectNear(two.links[1][0].latency, 10e-6, "latency of a pair without messages");
  expectNear(two.link.latency, 10e-6, "common latency");

  // With one size the numbers of the norm, which are small, tell the latency.
  schedule::Costs one = Case({100'000, 100'000}).measure(true, 10'000);
  expectNear(one.links[0][1].latency, 10e-6, "latency from one size");
  expectNear(1 / one.links[0][1].transfer, 1e9, "bandwidth from one size");

  // A message that has come before it was asked for tells nothing of the link.
  schedule::Costs late = Case({1000, 200'000, 1000, 1000, 200'000, 1000},
                              {false, false, true, true, false, true}).measure(true, 3000);
  expectNear(late.links[0][1].latency, 10e-6, "latency beside late receives");
  expectNear(1 / late.links[0][1].transfer, 1e9, "bandwidth beside late receives");

  // One that leaves unasked takes its time from then on, unless it queues behind another.
  Case unasked({1000, 200'000, 1000, 1000, 200'000, 1000}, {false, false, true, true, false, true});
  unasked.eagerBytes = 1 << 20;
  schedule::Costs eager = unasked.measure(true, 3000);
  expectNear(eager.links[0][1].latency, 10e-6, "latency of what leaves unasked");
  expectNear(1 / eager.links[0][1].transfer, 1e9, "bandwidth of what leaves unasked");

  // In one process memory changes hands, whatever its size.
  schedule::Costs within = Case({100'000, 100'000}).measure(false, 0);
  expectNear(within.links[0][1].latency, 110e-6, "latency within a process");
  expectNear(within.links[0][1].transfer, 0, "transfer within a process");
  return failures ? 1 : 0;
}
