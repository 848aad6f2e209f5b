//===- Train.h - A training run -------------------------------------------===//

#ifndef BITPIPE_RUNTIME_TRAIN_TRAIN_H
#define BITPIPE_RUNTIME_TRAIN_TRAIN_H

#include "lib/Runtime/CUDA/CUDAOptions.h"
#include "lib/Runtime/Checkpoint/Options.h"
#include "lib/Runtime/Execute/StepInputs.h"
#include "lib/Runtime/Launch/Environment.h"
#include "lib/Runtime/Train/LearningRate.h"
#include "lib/Runtime/Watch/Watch.h"

#include <atomic>
#include <chrono>
#include <optional>
#include <string>

namespace bitpipe {

enum class DeviceKind { Computing, Emulated };

/// Of data that are not trained on.
struct EvaluationOptions {
  std::string data;  // empty: none
  int64_t every = 0; // steps, 0: after the last alone
  int64_t steps = 0; // batches of an evaluation, 0: as there are
};

struct TrainOptions {
  std::string plan, data;
  int64_t steps = 0;
  OptimizerSettings optimizer;
  double clip = 0; // largest gradient norm, 0: any
  RateSchedule schedule; // of the learning rate
  bool shuffle = false;
  uint64_t seed = 0; // of the order of samples and of dropout
  int64_t tokenBytes = 0; // width of the tokens in a .bin, 0: by header or model
  std::string metrics, save, load, trace, profile; // files, or empty
  std::string costFile; // what devices take: predicts, or tells emulated ones
  bool predict = false; // print predicted beside measured
  DeviceKind device = DeviceKind::Computing;
  std::string target; // that the plan must be for; empty: any
  CUDAOptions cuda;   // of a plan for GPUs
  std::optional<int64_t> threads; // per device; nothing: as there are cores
  int64_t traceSteps = 8;
  int64_t maxBadSteps = 10; // in a row that change nothing
  EvaluationOptions evaluation;
  CheckpointOptions checkpoint;
  double stopAfter = 0;     // seconds after which the run ends, 0: never
  bool force = false;       // replace files that bitpipe did not write
  bool poison = false;      // fill dead memory with NaN before every step
  TransportKind transport = TransportKind::Auto;
  std::chrono::seconds timeout{300}; // for other processes
};

/// How the steps of a run ended.
enum class Outcome {
  Done,        // all of them
  Interrupted, // by a signal or --stop-after
  Diverged,    // with steps that changed nothing
  Failed,      // by an error, which is printed
};

/// Trains as asked, together with the other ranks; rank 0 prints progress. Ends
/// after the current step once a rank is `interrupted`. However the steps end,
/// parameters are saved first, then comes what a run can do without. Throws a
/// UserError on all ranks if something is wrong with the plan, the data or the
/// files on one.
Outcome train(const TrainOptions &options, World &world, Watch &watch,
              const std::atomic<bool> &interrupted);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRAIN_TRAIN_H
