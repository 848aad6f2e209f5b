//===- Snapshot.h - What a process puts into a checkpoint ------------------===//
//
// A copy of what this process saves, so that the devices can go on while it is
// written, a file for each kind:
//
//     model-00001-of-00004.safetensors     moment1-…     moment2-…
//
// A tensor whose slices are in several processes is in the file of the first of them, into
// which the others write.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CHECKPOINT_SNAPSHOT_H
#define BITPIPE_RUNTIME_CHECKPOINT_SNAPSHOT_H

#include "lib/Files/Safetensors.h"
#include "lib/Runtime/Checkpoint/StateMemory.h"

#include <memory>
#include <variant>

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
  /// Of those among `tensors` that this process saves, of a plan of so many devices.
  Snapshot(const std::vector<StateTensor> &tensors, StateMemory memory,
           const World &world, int64_t devices);

  /// Of the copy, which is kept in memory.
  int64_t bytes() const { return size; }
  void take();

  // Writes what was taken into a folder and onto the disk, on all ranks one after the other.
  // Each throws a WriteError.

  /// This process's files.
  std::vector<StateFile> write(const std::string &folder) const;
  /// Whether several processes write one file, the same on all ranks.
  bool isShared() const { return shared; }
  /// What belongs into files of others, which are there.
  void writeForOthers(const std::string &folder) const;
  /// Fills in the hashes of this process's files that others have written into.
  void hashShared(const std::string &folder, std::vector<StateFile> &files) const;

private:
  /// A file of a process, and where in it its tensors are.
  struct File {
    StateKind kind;
    std::string name;
    std::vector<TensorEntry> entries;
    int64_t bytes = 0;     // of the tensors
    bool isMine = false;   // in the name of this process
    bool isShared = false; // others write into it
  };
  /// Bytes that this process saves.
  struct Part {
    size_t file;
    int64_t inFile, inCopy, bytes; // in the file's data
    std::variant<StatePlace, StateTensor> source; // a tensor that no device computes with
  };

  void add(const StateTensor &tensor, const World &world, int64_t devices);
  size_t fileOf(StateKind kind, int rank, const World &world);
  StateFile write(const std::string &folder, size_t file) const;
  void writeParts(const std::string &folder, size_t file) const;

  StateMemory memory;
  std::vector<File> files;
  std::map<std::pair<StateKind, int>, size_t> numbers; // of files, by kind and rank
  std::vector<Part> parts;
  int64_t size = 0;
  bool shared = false;
  std::unique_ptr<Arena> copy;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CHECKPOINT_SNAPSHOT_H
