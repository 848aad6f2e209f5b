//===- Gathered.cpp - What all ranks did, at rank 0 -------------------------===//

#include "lib/Runtime/Train/Gathered.h"

#include "lib/Runtime/GPUWorkspace.h"
#include "lib/Runtime/Launch/Clocks.h"
#include "lib/Runtime/Launch/Host.h"
#include "lib/Runtime/Launch/Cores.h"
#include "lib/Runtime/Median.h"
#include "lib/Runtime/Transport/NetworkThread.h"

#include <nlohmann/json.hpp>
#include <sys/resource.h>

using namespace bitpipe;
using nlohmann::json;

namespace bitpipe {
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(StepTime, begin, end, waited)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(TimedWork, begin, end, work)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(DeviceReport, device, computes, place, libraryBytes, byKind, work,
                                   steps, instructions, sums, plannedBytes, touchedBytes,
                                   plannedOnHost, touchedOnHost, copiedBytes, copyTime)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ProcessReport, rank, host, cores, threads,
                                   peakBytes, eagerBytes, devices)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(NamedEvent, name, category, begin, end)
} // namespace bitpipe

Nanoseconds DeviceReport::total() const {
  Nanoseconds sum = 0;
  for (auto &[kind, time] : byKind)
    sum += time;
  return sum;
}

Nanoseconds DeviceReport::waiting() const {
  auto found = byKind.find("waiting");
  return found == byKind.end() ? 0 : found->second;
}

/// So many steps are gathered with all their instructions.
constexpr size_t stepsInDetail = 8;

static void addTimes(DeviceReport &report, const Recorder &record,
                     size_t instructions) {
  size_t steps = record.stepsKept();
  std::vector<Nanoseconds> work(steps);
  for (size_t i = 0; i < instructions; ++i) {
    for (size_t back = 0; back < steps; ++back)
      work[back] = record.instruction(back, i).work;
    report.work.push_back(median(work));
  }
  for (size_t back = 0; back < steps; ++back)
    report.steps.push_back(record.step(back));
  for (size_t back = 0; back < std::min(steps, stepsInDetail); ++back) {
    auto &step = report.instructions.emplace_back();
    for (size_t i = 0; i < instructions; ++i)
      step.push_back(record.instruction(back, i));
  }
}

static void shift(DeviceReport &report, Nanoseconds difference) {
  for (StepTime &step : report.steps) {
    step.begin += difference;
    step.end += difference;
  }
  for (auto *list : {&report.instructions, &report.sums})
    for (auto &works : *list)
      for (TimedWork &work : works) {
        work.begin += difference;
        work.end += difference;
      }
}

static DeviceReport reportOf(const Program &program, int64_t number,
                             const Executor &executor) {
  Device &device = executor.devices()[number];
  const Recorder &record = device.recorder();
  DeviceReport report{};
  report.device = number;
  report.computes = device.computes();
  report.place = device.place();
  report.libraryBytes = device.libraryBytes();
  report.plannedBytes = program.devices[number].arena + (device.place().empty() ? 0 : gpuWorkspaceBytes);
  report.touchedBytes = device.touchedBytes();
  report.plannedOnHost = program.devices[number].host;
  report.touchedOnHost = device.touchedOnHost();
  CopyRate copies = executor.hostRate(number);
  report.copiedBytes = copies.bytes;
  report.copyTime = copies.time;
  const auto &categories = executor.calls().categories();
  for (size_t i = 0; i < record.timeByCategory().size(); ++i)
    report.byKind[categories[i]] = record.timeByCategory()[i];
  addTimes(report, record, program.devices[number].instructions.size());
  report.sums = executor.collectiveTimes(number);
  return report;
}

/// Values of all ranks at rank 0, each made from one text per rank.
template <typename Value>
static std::vector<Value> gatherValues(World &world, const Value &mine) {
  std::vector<Value> values;
  if (world.size() == 1)
    return {mine};
  for (const std::string &text : world.gather(json(mine).dump()))
    values.push_back(json::parse(text).get<Value>());
  return values;
}

std::vector<ProcessReport> bitpipe::gatherReports(World &world,
                                                  const Program &program,
                                                  const Executor &executor) {
  struct rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  ProcessReport mine{world.rank(), hostName(), coresOfProcess(),
                     executor.calls().members(),
                     int64_t(usage.ru_maxrss) * 1024, {}, {}};
  for (int to = 0; world.connection() && to < world.size(); ++to)
    if (size_t bytes = world.connection()->eagerBytes(to))
      mine.eagerBytes[size_t(to)] = int64_t(bytes);
  Nanoseconds ahead = clockAhead(world);
  for (int64_t d = executor.share().first; d < executor.share().end; ++d) {
    mine.devices.push_back(reportOf(program, d, executor));
    shift(mine.devices.back(), -ahead);
  }
  return gatherValues(world, mine);
}

static DeviceTrace traceOf(const Recorder &record, const Calls &calls,
                           Nanoseconds ahead) {
  DeviceTrace trace;
  for (const TraceEvent &event : record)
    trace.push_back({event.category == Calls::Steps
                         ? "step " + std::to_string(event.label + 1)
                         : calls.labels()[event.label],
                     calls.categories()[event.category], event.begin - ahead,
                     event.end - ahead});
  return trace;
}

std::vector<DeviceTrace> bitpipe::gatherTraces(World &world,
                                               const Executor &executor) {
  std::vector<DeviceTrace> mine, all;
  Nanoseconds ahead = clockAhead(world);
  for (int64_t d = executor.share().first; d < executor.share().end; ++d)
    mine.push_back(traceOf(executor.devices()[d].recorder(), executor.calls(),
                           ahead));
  for (std::vector<DeviceTrace> &share : gatherValues(world, mine))
    for (DeviceTrace &trace : share)
      all.push_back(std::move(trace));
  return all;
}
