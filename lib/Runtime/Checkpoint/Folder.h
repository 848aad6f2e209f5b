//===- Folder.h - The checkpoints of a run on the disk ---------------------===//
//
//     DIR/step-00000100/         a complete checkpoint
//     DIR/.step-00000200.draft/  one that is being written or removed
//     DIR/latest                 a line with the name of the newest complete one
//
// A folder has its name only when all in it is on the disk, and a draft is removed
// by the next run, so that at any moment the newest one with a name is whole.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CHECKPOINT_FOLDER_H
#define BITPIPE_RUNTIME_CHECKPOINT_FOLDER_H

#include <cstdint>
#include <string>
#include <vector>

namespace bitpipe {

class CheckpointFolder {
public:
  explicit CheckpointFolder(std::string path) : path(std::move(path)) {}
  ~CheckpointFolder();
  CheckpointFolder(const CheckpointFolder &) = delete;
  CheckpointFolder &operator=(const CheckpointFolder &) = delete;

  /// Where the checkpoint after a step is, and where it is while it is written.
  std::string complete(int64_t step) const;
  std::string draft(int64_t step) const;

  // What follows is for one process of a run, which claims the folder first. Each
  // throws a WriteError if the system refuses.

  /// Makes the folder unless it is there, keeps other runs out of it, and removes
  /// what writers that were killed have left. A file `latest` that is none of
  /// bitpipe's is refused.
  void claim();
  /// The steps of the complete checkpoints, newest first.
  std::vector<int64_t> steps() const;
  /// The step that the marker names, -1 if there is none.
  int64_t marked() const;

  /// Makes an empty draft.
  void begin(int64_t step);
  /// Brings the draft to the disk, gives it its name, and marks it.
  void publish(int64_t step);
  /// Has the marker name a complete checkpoint.
  void mark(int64_t step) const;
  void discard(int64_t step) const noexcept;
  /// Removes all but so many, as far as bitpipe wrote them and nothing else is in
  /// them. A failure is a warning.
  void keepNewest(size_t count) const;

private:
  void lock();
  void removeDrafts() const;

  std::string path;
  int lockFile = -1;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CHECKPOINT_FOLDER_H
