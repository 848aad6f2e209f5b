//===- Manifest.h - What a checkpoint says of itself -----------------------===//
//
// checkpoint.json in the folder of a checkpoint: where the training stands, with
// what it was trained, and which files hold the tensors. It is written last, and
// the folder gets its name after that.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CHECKPOINT_MANIFEST_H
#define BITPIPE_RUNTIME_CHECKPOINT_MANIFEST_H

#include "lib/Runtime/Data/DataPrint.h"
#include "lib/Runtime/Plan/Program.h"
#include "lib/Runtime/Train/Train.h"

namespace bitpipe {

/// Where a training stands, between two steps.
struct Position {
  int64_t step = 0;          // steps that are done
  int64_t skipped = 0;       // of them those that changed nothing,
  int64_t skippedInARow = 0; // and so many at the end
  int64_t samples = 0;       // that were taken from the data
  int64_t evaluated = 0;     // after so many steps the last time, 0: never

  /// Steps of the optimizer, which AdamW's bias correction counts.
  int64_t updates() const { return step - skipped; }
};

/// With what is trained: options, data and plan. All of it is known before the
/// first step.
struct Setting {
  std::string optimizer; // of the plan
  OptimizerSettings rates;
  double clip = 0;
  RateSchedule schedule;
  int64_t steps = 0;

  DataPrint data;
  int64_t samplesPerStep = 0;
  bool shuffle = false;
  uint64_t seed = 0;

  std::string plan, planHash, weightsHash;
  std::string precision = "f32"; // parameters and moments are f32 in any
  int64_t devices = 0, microbatches = 0;
  int64_t updatesPerStep = 1;
  int64_t threads = 1; // per device
};

/// A parameter of the model.
struct SavedParameter {
  std::string name;
  std::vector<int64_t> shape;
  bool trained;
  std::vector<std::string> aliases; // its other names, which no file holds
};

/// A file in the folder of the checkpoint.
struct SavedFile {
  std::string name;
  int64_t bytes;
  std::string hash; // Hash.h
};

struct Manifest {
  Position position;
  Setting setting;
  std::vector<SavedParameter> parameters;
  std::vector<SavedFile> files; // all but the manifest
  bool intact = true;           // whether it was read as it was written
};

/// The name of the file.
constexpr const char *manifestName = "checkpoint.json";

std::string text(const Manifest &manifest);

/// Reads what `text` made. Throws a UserError that begins with the path if that is
/// not what it is given.
Manifest parseManifest(const std::string &text, const std::string &path);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CHECKPOINT_MANIFEST_H
