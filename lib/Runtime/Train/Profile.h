//===- Profile.h - What a run measured, as costs --------------------------===//
//
// A profile is a file of costs: with it the same model is cut and ordered anew for
// what its stages took, a run is predicted, and an emulated device is told how long
// to take.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_TRAIN_PROFILE_H
#define BITPIPE_RUNTIME_TRAIN_PROFILE_H

#include "lib/Runtime/Train/Gathered.h"
#include "lib/Transforms/Schedule/Core/Costs.h"

namespace bitpipe {

/// Times are in seconds, sizes in bytes. `feed` is what reading the data of a step
/// took.
schedule::Costs profile(const Program &program, const Links &links,
                        const std::vector<ProcessReport> &processes, double feed);

/// The part of it about messages: latency and bandwidth of every pair of devices
/// whose messages somebody waited for. All others, within a process or between two,
/// have the median of those.
void addLinks(const Program &program, const Links &links,
              const std::vector<ProcessReport> &processes, schedule::Costs &costs);

/// Whether the devices of a process take turns on its processors.
bool sharesProcessors(const ProcessReport &process);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRAIN_PROFILE_H
