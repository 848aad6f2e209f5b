//===- Speedup.h - Whether larger micro-batches pay --------------*- C++ -*-===//
//
// Memory that is given back buys larger micro-batches. These run more efficiently, and there
// are fewer of them, which idles more: Huang et al., Re-evaluating the Memory-balanced
// Pipeline Parallelism: BPipe, 2024.
//
// Of a batch of B samples in micro-batches of x, a step runs B/x of them one after the other
// and idles as long as q of them take; in 1F1B on p devices q is p-1. A micro-batch takes a
// time of x / e(x), where e is how efficiently a stage runs, so that a step takes
// (B/x + q) x / e(x) = (B + x q) / e(x). From x to y it becomes faster by
//
//   (B + x q) / (B + y q) * e(y) / e(x).
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_EMIT_SPEEDUP_H
#define BITPIPE_TRANSFORMS_SCHEDULE_EMIT_SPEEDUP_H

#include "lib/Transforms/Schedule/Simulate/Simulate.h"

#include <iosfwd>

namespace bitpipe::schedule {

/// How efficiently a stage runs micro-batches of several sizes.
struct Efficiencies {
  /// Samples of a step.
  int batch = 0;
  struct Of {
    int size = 0;
    double efficiency = 0;
  };
  std::vector<Of> sizes;
};

/// Reads `128:1=0.38,2=0.49`: the batch, and of two or more sizes, ascending, which divide it,
/// the efficiency, of which only ratios count.
ErrorOr<Efficiencies> parseEfficiencies(std::string_view text);

/// By how much a step of `batch` samples becomes faster, with the idle time of so many
/// micro-batches.
double speedup(double batch, double idle, Efficiencies::Of from, Efficiencies::Of to);

/// As many micro-batches as a step idles for: what it takes beside the work of the device
/// that works longest, in the work of that for one micro-batch.
double idleMicrobatches(const Simulated &simulated);

/// A line for each size beside the first one, with the idle time of this schedule. Fails
/// where the replicas cannot share out the batch. Lines begin with what they are about.
std::optional<Error> emitSpeedups(std::ostream &stream, const Simulated &simulated,
                                  const Efficiencies &efficiencies, const std::string &subject = "");

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_EMIT_SPEEDUP_H
