//===- ProcessLimits.cpp - What a plan asks of a process -------------------===//

#include "lib/Runtime/Train/ProcessLimits.h"

#include "lib/Runtime/Error.h"

#include <algorithm>
#include <limits>
#include <map>

using namespace bitpipe;

void bitpipe::checkSteps(const TrainOptions &options, const Program &program,
                       const Links &links) {
  size_t perStep = std::max<size_t>(2, program.devices.size());
  for (const DeviceLinks &device : links.devices)
    perStep = std::max(perStep, device.collectives.size());
  std::map<int64_t, size_t> copies; // to hosts and back, by device
  for (const MessageLink &message : links.messages)
    if (message.isToHost())
      perStep = std::max(perStep, ++copies[message.from]);
  int64_t most = std::numeric_limits<uint32_t>::max() / perStep - 2;
  if (options.steps > most)
    failUsage("--steps is ", options.steps, ", expected at most ", most,
              " for a plan of ", program.devices.size(), " devices");
}

int64_t bitpipe::bytesOfArenas(const Program &program, Share share) {
  double bytes = 0; // of a plan that may ask for more than there is
  for (int64_t d = share.first; d < share.end; ++d)
    bytes += double(program.devices[d].arena) + double(program.devices[d].host);
  return int64_t(std::min(bytes, 0x1p62));
}

int64_t bitpipe::hostsOf(const Program &program, Share share) {
  int64_t count = 0;
  for (int64_t d = share.first; d < share.end; ++d)
    count += program.devices[d].host > 0;
  return count;
}

void bitpipe::failMemory(const Program &program, Share share) {
  fail(program.path, ": error: not enough memory: the arenas of its ",
       share.count(), " devices take ", bytesOfArenas(program, share) >> 20,
       " MiB, and the process some besides (see ulimit -v)");
}
