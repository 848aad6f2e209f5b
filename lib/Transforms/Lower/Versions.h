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
    plan.walk([&](pipe::RunOp run) {
      if (run.getKind() != pipe::RunKind::U)
        return;
      int64_t every = run.getMicrobatch() + 1;
      result.every = result.every ? std::min(result.every, every) : every;
      result.ofStage[run.getStage()] = run.getVersions().value_or(1);
    });
    return result;
  }

  explicit operator bool() const { return every > 0; }
  /// The version that a stage reads for a micro-batch.
  int64_t read(int64_t stage, int64_t microbatch) const {
    auto found = ofStage.find(stage);
    int64_t older = found == ofStage.end() ? 0 : found->second - 1;
    return std::max<int64_t>(0, microbatch / every - older);
  }
  /// The micro-batch after which the update takes this one's gradients.
  int64_t end(int64_t microbatch) const { return (microbatch / every + 1) * every - 1; }
};

} // namespace bitpipe::lower

#endif // BITPIPE_TRANSFORMS_LOWER_VERSIONS_H
