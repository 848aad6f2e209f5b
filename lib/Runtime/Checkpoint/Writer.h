//===- Writer.h - Writes checkpoints while the training goes on ------------===//
//
// A thread of every process writes what it saves into a draft that rank 0 has made;
// when all have, rank 0 adds what concerns the whole and publishes it. What fails on
// one fails for all, and leaves the checkpoints as they were.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CHECKPOINT_WRITER_H
#define BITPIPE_RUNTIME_CHECKPOINT_WRITER_H

#include "lib/Runtime/Checkpoint/Folder.h"
#include "lib/Runtime/Checkpoint/Snapshot.h"

#include <thread>

namespace bitpipe {

class CheckpointWriter {
public:
  /// `keep` is how many checkpoints stay.
  CheckpointWriter(CheckpointFolder &folder, World &world, Snapshot snapshot,
                   int64_t keep);
  /// Waits for what is under way.
  ~CheckpointWriter();

  /// Copies the state, while the devices stand still, and starts to write it with
  /// a manifest that lacks only its files. Waits for the checkpoint before.
  void start(Manifest next);
  /// Waits for what is under way. Returns why the last checkpoint was not written,
  /// the same on all ranks; empty if it was.
  std::string wait();

  int64_t bytes() const { return snapshot.bytes(); }

private:
  void write();
  void complete(const std::vector<std::string> &parts);

  CheckpointFolder &folder;
  World &world;
  Snapshot snapshot;
  int64_t keep;
  Manifest manifest; // of what is under way
  std::string error;
  std::jthread thread;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CHECKPOINT_WRITER_H
