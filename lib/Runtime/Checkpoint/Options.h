//===- Options.h - What is asked of checkpoints ----------------------------===//

#ifndef BITPIPE_RUNTIME_CHECKPOINT_OPTIONS_H
#define BITPIPE_RUNTIME_CHECKPOINT_OPTIONS_H

#include <cstdint>
#include <string>

namespace bitpipe {

/// So many steps, or so much time; the other one is 0.
struct Interval {
  int64_t steps = 0;
  double seconds = 0;
};

struct CheckpointOptions {
  std::string folder; // empty: no checkpoints
  Interval every;
  int64_t keep = 3;
  bool resume = false;
  bool newData = false; // go on with other data than before
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CHECKPOINT_OPTIONS_H
