//===- Prediction.cpp - Predicted beside measured --------------------------===//
//
// What is measured are medians: a machine that is busy with something else for a
// moment is not what is predicted.
//
//===----------------------------------------------------------------------===//

#include "lib/Runtime/Train/Prediction.h"

#include "lib/Runtime/Median.h"

#include <cstdio>
#include <limits>

using namespace bitpipe;

std::vector<Machine>
bitpipe::machinesOf(const std::vector<ProcessReport> &processes) {
  // Launchers may bind each process to cores of its own.
  std::map<std::pair<std::string, std::vector<int>>, Machine> machines;
  for (const ProcessReport &process : processes) {
    Machine &machine = machines[{process.host, process.cores}];
    // The threads of a device work together: it has as many of a machine's cores.
    machine.processors =
        std::max<int64_t>(1, int64_t(process.cores.size()) / process.threads);
    for (const DeviceReport &device : process.devices)
      if (device.computes)
        machine.devices.push_back(device.device);
  }
  std::vector<Machine> result;
  for (auto &[where, machine] : machines)
    if (!machine.devices.empty())
      result.push_back(std::move(machine));
  return result;
}

std::vector<size_t>
bitpipe::processesOf(const std::vector<ProcessReport> &processes) {
  std::vector<size_t> result;
  for (size_t p = 0; p < processes.size(); ++p)
    result.insert(result.end(), processes[p].devices.size(), p);
  return result;
}

namespace {

constexpr double milli = 1e3, mebi = 1.0 / (1 << 20);

/// A quantity of a device or of all, twice.
struct Pair {
  double predicted = 0, measured = 0;

  void add(Pair other) {
    predicted += other.predicted;
    measured += other.measured;
  }
  void print(double unit) const {
    std::printf("   %9.2f %9.2f %+6.1f%%", predicted * unit, measured * unit,
                measured ? 100 * (predicted / measured - 1) : 0.0);
  }
};

} // namespace

static double idleSeconds(const DeviceReport &device) {
  std::vector<Nanoseconds> waited;
  for (const StepTime &step : device.steps)
    waited.push_back(step.waited);
  return double(median(waited)) * 1e-9;
}

static double stepSecondsOf(const DeviceReport &device) {
  std::vector<Nanoseconds> times;
  for (const StepTime &step : device.steps)
    times.push_back(step.end - step.begin);
  return double(median(times)) * 1e-9;
}

void bitpipe::printPrediction(const Prediction &prediction,
                              const std::string &source,
                              const std::vector<ProcessReport> &processes,
                              std::vector<double> stepSeconds) {
  if (stepSeconds.size() > 1)
    stepSeconds.erase(stepSeconds.begin()); // it warmed up
  std::printf("\npredicted from %s, measured, and the difference\n"
              "device              step ms                      idle ms     "
              "               memory MiB\n",
              source.c_str());
  Pair idle, memory;
  int64_t devices = 0;
  for (const ProcessReport &process : processes)
    for (const DeviceReport &device : process.devices) {
      Pair myIdle{prediction.idle[device.device], idleSeconds(device)};
      Pair myMemory{double(device.plannedBytes), double(device.touchedBytes)};
      std::printf("%-6ld", long(device.device));
      Pair{prediction.step, stepSecondsOf(device)}.print(milli);
      myIdle.print(milli);
      myMemory.print(mebi);
      std::printf("\n");
      idle.add(myIdle);
      memory.add(myMemory);
      ++devices;
    }
  idle.predicted /= double(devices);
  idle.measured /= double(devices);
  std::printf("all   ");
  Pair{prediction.step, median(stepSeconds)}.print(milli);
  idle.print(milli);
  memory.print(mebi);
  std::printf("\n");
}

/// When the first step of all devices ended.
static Nanoseconds firstEnd(const std::vector<DeviceTrace> &measured) {
  Nanoseconds end = 0;
  for (const DeviceTrace &trace : measured)
    for (const NamedEvent &event : trace)
      if (event.category == "step") {
        end = std::max(end, event.end);
        break;
      }
  return end;
}

static Nanoseconds firstBegin(const std::vector<DeviceTrace> &measured) {
  Nanoseconds begin = std::numeric_limits<Nanoseconds>::max();
  for (const DeviceTrace &trace : measured)
    for (const NamedEvent &event : trace)
      begin = std::min(begin, event.begin);
  return begin;
}

DeviceTrace bitpipe::predictedTrace(const Program &program,
                                    const Prediction &prediction, size_t device,
                                    const std::vector<DeviceTrace> &measured) {
  auto nanoseconds = [](double time) { return Nanoseconds(time * 1e9); };
  Nanoseconds shift = firstEnd(measured) - nanoseconds(prediction.firstEnd);
  Nanoseconds begin = firstBegin(measured);
  DeviceTrace trace;
  for (const PredictedEvent &event : prediction.events) {
    if (event.device != device)
      continue;
    NamedEvent named{"", "", shift + nanoseconds(event.begin),
                     shift + nanoseconds(event.end)};
    if (named.begin < begin)
      continue;
    const auto &list = program.devices[device].instructions;
    std::string what = event.kind == PredictedEvent::Step ? ""
                       : event.instruction < list.size()
                           ? text(list[event.instruction])
                           : "next step";
    switch (event.kind) {
    case PredictedEvent::Step:
      named.name = "step " + std::to_string(event.instruction + 1);
      named.category = "step";
      break;
    case PredictedEvent::Work:
      named.name = what;
      named.category = "run";
      break;
    case PredictedEvent::Wait:
      named.name = "wait: " + what;
      named.category = "waiting";
      break;
    }
    trace.push_back(std::move(named));
  }
  return trace;
}
