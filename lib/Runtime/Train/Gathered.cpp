//===- Gathered.cpp - What all ranks did, at rank 0 -------------------------===//

#include "lib/Runtime/Train/Gathered.h"

#include "lib/Runtime/Launch/Clocks.h"

#include <nlohmann/json.hpp>
#include <sys/resource.h>
#include <unistd.h>

using namespace bitpipe;
using nlohmann::json;

namespace bitpipe {
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(DeviceReport, device, byKind, byInstruction,
                                   plannedBytes, touchedBytes)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ProcessReport, rank, host, peakBytes, devices)
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

static DeviceReport reportOf(int64_t number, Device &device,
                             const Calls &calls) {
  const Recorder &record = device.recorder();
  const Arena &arena = device.memory().arena();
  DeviceReport report{number, {}, record.timeByInstruction(), arena.bytes(),
                      arena.residentBytes()};
  for (size_t i = 0; i < record.timeByCategory().size(); ++i)
    report.byKind[calls.categories()[i]] = record.timeByCategory()[i];
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
                                                  const Executor &executor) {
  char host[256] = "";
  gethostname(host, sizeof(host) - 1);
  struct rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  ProcessReport mine{world.rank(), host, int64_t(usage.ru_maxrss) * 1024, {}};
  for (int64_t d = executor.share().first; d < executor.share().end; ++d)
    mine.devices.push_back(
        reportOf(d, executor.devices()[d], executor.calls()));
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
