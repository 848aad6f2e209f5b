//===- Parameters.h - Parameters in and out of the devices ----------------===//

#ifndef BITPIPE_RUNTIME_TRAIN_PARAMETERS_H
#define BITPIPE_RUNTIME_TRAIN_PARAMETERS_H

#include "lib/Files/Safetensors.h"
#include "lib/Runtime/Execute/LocalDevices.h"

#include <map>
#include <set>

namespace bitpipe {

class CheckpointFiles;

/// The parameters of a plan as this process has them: those of its devices, and
/// at rank 0 also those that no device computes with, which are loaded and saved
/// with the others.
class Parameters {
public:
  Parameters(const Program &program, const LocalDevices &devices,
             World &world);

  /// Fills the devices' parameters and constants from the weights of the plan.
  void loadWeights();

  /// Fills all parameters, trained or not, from a checkpoint: one that was saved
  /// here, or one of another program with the same names. Any float type will do,
  /// one alias of a tied parameter, several files with an index, and a prefix that
  /// all names have or lack. Throws a UserError if a parameter is missing; says
  /// what it ignores. Returns the names of constants that it replaced, which were
  /// parameters where the checkpoint was saved.
  std::set<std::string> load(const CheckpointFiles &files);

  /// Writes every parameter, trained or not, under all its names, in the type
  /// that the model's file has it in. Every rank calls it, and writes into one file
  /// what it owns; it throws on all of them if one fails.
  void save(const std::string &path);

  /// Values (f32) of the parameters that no device computes with, by name, at rank
  /// 0.
  std::map<std::string, std::vector<char>> &unread() { return unreadValues; }

private:
  /// Bytes of the parameter that a device holds, and where.
  struct Place {
    int64_t device, slot;
    Resident::Part part;
    bool isSaved; // from here
  };
  struct Home {
    int64_t saved = 0;         // bytes, by all devices
    std::vector<Place> places; // in this process
  };

  void checkOwned(const Parameter &parameter) const;
  void write(const std::string &name, const TensorType &type,
             const StoredTensor &stored);
  std::set<std::string> loadConstants(const CheckpointFiles &files,
                                      const struct NameRule &rule,
                                      std::set<std::string> &used);
  void writeMine(class FilePart &file, int64_t offset);
  void writeTensor(class FilePart &file, int64_t offset,
                   const Parameter &parameter);
  void writePart(class FilePart &file, int64_t offset, const Parameter &parameter,
                 const Place *place);
  std::vector<TensorEntry> entries() const;

  const Program &program;
  const LocalDevices &devices;
  World &world;
  std::map<std::string, Home> homes;
  std::map<std::string, std::vector<char>> unreadValues;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRAIN_PARAMETERS_H
