//===- Versions.h - Updates between micro-batches, as the plan has them ----===//

#ifndef BITPIPE_TRANSFORMS_LOWER_VERSIONS_H
#define BITPIPE_TRANSFORMS_LOWER_VERSIONS_H

#include "lib/Dialect/Pipe/IR/Pipe.h"

#include <map>

namespace bitpipe::lower {

/// What pipe.run documents of updates, which the plan's check has found to be so.
struct Versions {
  int64_t every = 0;                  // micro-batches between updates; 0: there are none
  std::map<int64_t, int64_t> ofStage; // how many

  static Versions find(pipe::PlanOp plan) {
    Versions result;
    std::map<int64_t, int64_t> ends; // of the first group, by stage
    for (auto device : plan.getBody().getOps<pipe::DeviceOp>()) {
      std::map<int64_t, int64_t> first;
      for (auto run : device.getBody().getOps<pipe::RunOp>()) {
        if (run.getKind() != pipe::RunKind::U)
          continue;
        first.try_emplace(run.getStage(), run.getMicrobatch() + 1);
        result.ofStage[run.getStage()] = run.getVersions().value_or(1);
      }
      for (auto [stage, end] : first)
        ends[stage] = std::max(ends[stage], end);
    }
    if (!ends.empty())
      result.every = ends.begin()->second;
    return result;
  }

  explicit operator bool() const { return every > 0; }
  /// The version that a stage reads for a micro-batch.
  int64_t read(int64_t stage, int64_t microbatch) const {
    auto found = ofStage.find(stage);
    int64_t older = found == ofStage.end() ? 0 : found->second - 1;
    return std::max<int64_t>(0, microbatch / every - older);
  }
  /// The last micro-batch of this one's group, of which there is one number for all devices.
  int64_t end(int64_t microbatch) const { return (microbatch / every + 1) * every - 1; }
};

} // namespace bitpipe::lower

#endif // BITPIPE_TRANSFORMS_LOWER_VERSIONS_H
