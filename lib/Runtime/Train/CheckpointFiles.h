//===- CheckpointFiles.h - Saved parameters, in one file or several -------===//
//
// What --load is given: a .safetensors file, the index of a sharded one
// (model.safetensors.index.json), the folder of either, or one of checkpoints.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_TRAIN_CHECKPOINTFILES_H
#define BITPIPE_RUNTIME_TRAIN_CHECKPOINTFILES_H

#include "lib/Files/Safetensors.h"
#include "lib/Runtime/Plan/Program.h"

#include <memory>

namespace bitpipe {

class CheckpointFiles {
public:
  /// Throws a UserError if a file is missing or wrong.
  explicit CheckpointFiles(const std::string &path);

  const std::string &path() const { return given; }
  const StoredTensor *find(const std::string &name) const;
  const std::map<std::string, const StoredTensor *> &all() const {
    return tensors;
  }
  /// The hash of all names, types and shapes, and of both ends of every tensor: tells
  /// these parameters from others, without reading all of them.
  std::string print() const;

private:
  void addFile(const std::string &path);
  void addIndex(const std::string &path);

  std::string given;
  std::vector<std::unique_ptr<SafetensorsFile>> files;
  std::map<std::string, const StoredTensor *> tensors;
};

/// How the names of a checkpoint become those of the model.
struct NameRule {
  enum Kind { Same, Without, With } kind = Same;
  std::string prefix; // that the checkpoint leaves out, or puts before

  std::string apply(const std::string &name) const;
};

/// The one rule under which the checkpoint holds every parameter by its name or
/// one of its aliases. Throws a UserError that names what is missing otherwise.
NameRule findNameRule(const CheckpointFiles &files,
                      const std::vector<Parameter> &parameters);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRAIN_CHECKPOINTFILES_H
