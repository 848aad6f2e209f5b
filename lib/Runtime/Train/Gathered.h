//===- Gathered.h - What all ranks did, at rank 0 ---------------------------===//

#ifndef BITPIPE_RUNTIME_TRAIN_GATHERED_H
#define BITPIPE_RUNTIME_TRAIN_GATHERED_H

#include "lib/Runtime/Execute/Executor.h"
#include "lib/Runtime/Plan/Predict.h"

#include <map>

namespace bitpipe {

/// Where the time and memory of a device went. Steps are the last ones, the last of
/// them first; moments are on rank 0's clock.
struct DeviceReport {
  int64_t device;
  bool computes; // needs a processor for its work
  std::string place; // the GPU that it is, or empty
  int64_t libraryBytes; // see Device
  std::map<std::string, Nanoseconds> byKind;
  std::vector<Nanoseconds> work; // of every instruction, the median of the steps
  std::vector<StepTime> steps;
  std::vector<std::vector<TimedWork>> instructions; // of some steps: [step][number]
  std::vector<std::vector<TimedWork>> sums; // see Transport::collectiveTimes
  int64_t plannedBytes, touchedBytes;       // of what the plan counts; touched: what it took
  int64_t plannedOnHost, touchedOnHost;     // of the host's memory for it
  int64_t copiedBytes;                      // to the host and back, in so much time
  Nanoseconds copyTime;

  Nanoseconds total() const;
  Nanoseconds waiting() const;
};

/// Whose messages and collectives are timed by themselves, wherever they run.
inline bool isGPU(const DeviceReport &device) { return !device.place.empty(); }

struct ProcessReport {
  int rank;
  std::string host;
  std::vector<int> cores; // see coresOfProcess
  int64_t threads;        // per device
  int64_t peakBytes; // of the process, as the system counts it
  EagerBytes eagerBytes; // where there are any, see Network
  std::vector<DeviceReport> devices;
};

/// One event of a device's trace.
struct NamedEvent {
  std::string name, category;
  Nanoseconds begin, end; // on rank 0's clock
};
using DeviceTrace = std::vector<NamedEvent>;

/// By rank, at rank 0; empty elsewhere. All ranks call it, once devices stand still.
std::vector<ProcessReport> gatherReports(World &world, const Program &program,
                                         const Executor &executor);

/// By device, likewise.
std::vector<DeviceTrace> gatherTraces(World &world, const Executor &executor);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRAIN_GATHERED_H
