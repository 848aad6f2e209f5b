//===- Snapshot.h - What a process puts into a checkpoint ------------------===//
//
// A copy of the tensors that this process saves, so that the devices can go on
// while it is written, a file for each kind:
//
//     model-00001-of-00004.safetensors     moment1-…     moment2-…
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CHECKPOINT_SNAPSHOT_H
#define BITPIPE_RUNTIME_CHECKPOINT_SNAPSHOT_H

#include "lib/Runtime/Checkpoint/StateMemory.h"

#include <memory>

namespace bitpipe {

/// A file with tensors of the state, as written by one process.
struct StateFile {
  SavedFile file;
  StateKind kind;
  int64_t bytes; // of the tensors alone
  std::vector<std::string> tensors;
};

/// What each process tells the one that completes a checkpoint.
std::string text(const std::vector<StateFile> &files);
std::vector<StateFile> parseFiles(const std::string &text);

class Snapshot {
public:
  /// Of those among `tensors` that this process saves.
  Snapshot(const std::vector<StateTensor> &tensors, StateMemory memory,
           const World &world);

  /// Of the copy, which is kept in memory.
  int64_t bytes() const { return size; }
  void take();
  /// Writes what was taken into a folder and onto the disk. Throws a WriteError.
  std::vector<StateFile> write(const std::string &folder) const;

private:
  struct Piece {
    StateTensor tensor;
    int64_t offset; // in the copy
  };

  StateFile write(const std::string &folder, StateKind kind) const;

  StateMemory memory;
  std::string suffix; // of the names of this process's files
  std::vector<Piece> pieces;
  int64_t size = 0;
  std::unique_ptr<Arena> copy;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CHECKPOINT_SNAPSHOT_H
