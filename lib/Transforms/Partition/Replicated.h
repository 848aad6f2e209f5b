//===- Replicated.h - Stages that several devices share ----------*- C++ -*-===//
//
// The partitioning of PipeDream (Harlap et al., 2018, 3.1): which layers make a stage, and
// how many devices take turns with its micro-batches, so that a micro-batch leaves the
// pipeline as often as can be. Works on numbers alone.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_PARTITION_REPLICATED_H
#define BITPIPE_TRANSFORMS_PARTITION_REPLICATED_H

#include <cstddef>
#include <optional>
#include <vector>

namespace bitpipe {

/// A layer for one micro-batch: forward and backward together, in time; the bytes of its
/// parameters, and of what it hands to the next one.
struct Layer {
  double work = 0, weights = 0, message = 0;
};

/// So many of the level below (of the first: devices) are connected by links of so many
/// bytes for a unit of time.
struct MachineLevel {
  size_t count = 1;
  double bandwidth = 1;
};

/// Layers from one to before another, on so many devices that take micro-batches in turn.
struct ReplicatedStage {
  size_t begin = 0, end = 0, replicas = 1;

  bool operator==(const ReplicatedStage &) const = default;
};

struct ReplicatedDivision {
  double period = 0; // from one micro-batch to the next
  std::vector<ReplicatedStage> stages;
};

/// The shortest period on a whole machine, given from its innermost level outwards. At
/// each level a stage on m of its parts takes the longer of its work there and of the sum
/// of its gradients, 2(m-1)|w| bytes, m micro-batches at a time; and between stages go
/// activation and gradient, twice the message. Of equal ones the one with the fewest
/// stages. Every stage's devices divide the micro-batches of a step, so that each takes as
/// many; nothing where that cannot be, as with more devices than layers. Expects at least
/// one layer, level and micro-batch, counts and bandwidths above 0.
std::optional<ReplicatedDivision> divideReplicated(const std::vector<Layer> &layers,
                                                   const std::vector<MachineLevel> &levels,
                                                   size_t microbatches);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_PARTITION_REPLICATED_H
