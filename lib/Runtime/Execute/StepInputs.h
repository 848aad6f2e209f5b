//===- StepInputs.h - What changes from step to step -----------------------===//

#ifndef BITPIPE_RUNTIME_EXECUTE_STEPINPUTS_H
#define BITPIPE_RUNTIME_EXECUTE_STEPINPUTS_H

#include <cstdint>
#include <vector>

namespace bitpipe {

/// Which parameters decay: all, or those of two or more dimensions.
enum class Decayed { All, Matrices };

constexpr const char *nameOf(Decayed decayed) {
  return decayed == Decayed::All ? "all" : "matrices";
}

struct OptimizerSettings {
  double lr = 1e-3, weightDecay = 0.01, beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
  Decayed decayed = Decayed::All;
};

/// Given by whoever submits a step; the same on all ranks but for the data.
struct StepInputs {
  int64_t number = 0; // of the step in the whole training, from 0
  bool evaluates = false; // it finds the loss of other data, and changes nothing
  OptimizerSettings optimizer;
  double clip = 0;         // largest gradient norm, 0: any
  int64_t maxBadSteps = 0; // so many in a row end all updates
  /// Gradient of the loss sum, and of what it is divided by where that is
  /// computed with it.
  float seed[2] = {1, 0};
  /// The same for each of the updates of a step, where there are many; `updates` is how
  /// many there are.
  std::vector<float> seeds;
  int64_t updates = 1;
  uint64_t dropoutSeed = 0;
  /// Address of every model input of every micro-batch: [input][microbatch].
  /// Null where no device of this process reads it.
  std::vector<std::vector<char *>> data;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_EXECUTE_STEPINPUTS_H
