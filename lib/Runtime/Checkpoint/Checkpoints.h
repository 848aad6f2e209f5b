//===- Checkpoints.h - The checkpoints of a training -----------------------===//
//
// Finds where a training goes on, and when it stands still to be copied. Ranks call
// all of this alike.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CHECKPOINT_CHECKPOINTS_H
#define BITPIPE_RUNTIME_CHECKPOINT_CHECKPOINTS_H

#include "lib/Runtime/Checkpoint/Writer.h"

#include <optional>

namespace bitpipe {

class Checkpoints {
public:
  /// Claims the folder and looks for a checkpoint to go on from, which must be
  /// whole and belong to this run. Throws a UserError if it is not, or if there
  /// are checkpoints that the run was not told to go on from.
  Checkpoints(const TrainOptions &options, const Program &program,
              int64_t threads, World &world);

  /// Whether there is a checkpoint to go on from.
  bool resumes() const { return found.has_value(); }
  /// Where the training begins.
  Position start() const { return found ? found->position : Position(); }
  /// Fills the devices with the state of that checkpoint, if there is one, says on
  /// what terms the training begins, and takes memory for copies of the state.
  /// `replaced` are constants that are no longer what the plan says.
  void begin(StateMemory memory, const std::set<std::string> &replaced);

  /// Whether to copy the state after so many steps. Where the interval is a time,
  /// rank 0's answer counts.
  bool isDue(int64_t step) const;
  /// Copies the state, while the devices stand still, and has it written.
  void take(const Position &position);
  /// As take, if that is not the last checkpoint already, and waits until it is
  /// written. Throws a UserError if it was not.
  void finish(const Position &position);

  /// Prints how many were taken, and for how long the devices stood still.
  void tellCost() const;

private:
  void checkShared();
  void restore(StateMemory memory);
  void tellStart() const;
  std::optional<Manifest> find();
  Manifest read(int64_t step) const;
  std::string advice(int64_t step) const;

  const TrainOptions &options;
  const Program &program;
  World &world;
  World writers; // the ranks' threads that write
  const std::vector<SavedParameter> parameters;
  Setting setting;
  CheckpointFolder folder;
  std::optional<Manifest> found;
  std::set<std::string> constants; // restored ones that are none of the plan's
  std::optional<CheckpointWriter> writer;
  int64_t last = 0;         // step of the last checkpoint
  Nanoseconds lastTime = 0; // when it was taken
  int64_t taken = 0;
  Nanoseconds still = 0; // time until they were copied
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CHECKPOINT_CHECKPOINTS_H
