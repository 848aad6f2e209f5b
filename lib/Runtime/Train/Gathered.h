//===- Gathered.h - What all ranks did, at rank 0 ---------------------------===//

#ifndef BITPIPE_RUNTIME_TRAIN_GATHERED_H
#define BITPIPE_RUNTIME_TRAIN_GATHERED_H

#include "lib/Runtime/Execute/Executor.h"

#include <map>

namespace bitpipe {

/// Where the time and memory of a device went.
struct DeviceReport {
  int64_t device;
  std::map<std::string, Nanoseconds> byKind;
  std::vector<Nanoseconds> byInstruction;
  int64_t plannedBytes, touchedBytes; // of its arena

  Nanoseconds total() const;
  Nanoseconds waiting() const;
};

struct ProcessReport {
  int rank;
  std::string host;
  int64_t peakBytes; // of the process, as the system counts it
  std::vector<DeviceReport> devices;
};

/// One event of a device's trace.
struct NamedEvent {
  std::string name, category;
  Nanoseconds begin, end; // on rank 0's clock
};
using DeviceTrace = std::vector<NamedEvent>;

/// By rank, at rank 0; empty elsewhere. All ranks call it, once devices stand still.
std::vector<ProcessReport> gatherReports(World &world, const Executor &executor);

/// By device, likewise.
std::vector<DeviceTrace> gatherTraces(World &world, const Executor &executor);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRAIN_GATHERED_H
