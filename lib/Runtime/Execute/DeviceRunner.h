//===- DeviceRunner.h - Walks one device's list ---------------------------===//
//
// The inner loop of the runtime. Everything it needs is prepared before step
// 1; it allocates nothing, takes no lock and looks nothing up.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_EXECUTE_DEVICERUNNER_H
#define BITPIPE_RUNTIME_EXECUTE_DEVICERUNNER_H

#include "lib/Runtime/CPU/Optimizer.h"
#include "lib/Runtime/Execute/Calls.h"
#include "lib/Runtime/Transport/Exchange.h"
#include "lib/Runtime/Execute/Recorder.h"

namespace bitpipe {

/// What changes from step to step, given by the caller.
struct StepInputs {
  OptimizerSettings optimizer;
  double clip = 0;  // largest gradient norm, 0: any
  int64_t maxBadSteps = 0; // so many in a row end all updates
  /// Gradient of the loss sum, and of what it is divided by where that is
  /// computed with it.
  float seed[2] = {1, 0};
  uint64_t dropoutSeed = 0;
  /// Address of every model input of every micro-batch: [input][microbatch].
  std::vector<std::vector<char *>> data;
};

/// What devices share: results of two steps, since one may be a step ahead.
struct Board {
  struct PerStep {
    StepInputs inputs;
    std::vector<double> losses;        // by micro-batch
    std::vector<double> counts;        // by micro-batch, if the model has them
    std::vector<double> squares;       // by device, of its gradients
    std::vector<Nanoseconds> finished; // by device
    double gradNorm = 0;
    double count = 1; // of all micro-batches: what losses are divided by
    bool skipped = false; // changed nothing
  };
  PerStep steps[2];
  Counter norms; // devices whose squares are there, over all steps
};

class DeviceRunner {
public:
  DeviceRunner(const Program &program, int64_t number, const Links &links,
               Calls &calls, DeviceMemory &memory, Exchange &exchange,
               Board &board, size_t traceEvents, bool poison);

  /// Runs one step, counted from 0.
  void run(uint32_t step);

  const Recorder &recorder() const { return record; }

private:
  struct Label {
    uint32_t instruction, wait;
  };

  void findDeadSlots();
  void poisonDeadSlots();
  void beginStep();
  void endStep();
  void waitFor(const Wait &wait, uint32_t label);
  void perform(size_t i);
  void execute(const Execute &op, uint32_t label);
  void call(const PreparedRoutine &routine, const PreparedCall &call);
  char *addressOf(const Place &place) {
    return place.block < 0 ? nullptr : blocks[place.block] + place.offset;
  }
  void addNorm(const GradNorm &op, Label label);
  void publish(const GradNorm &op);
  void judgeStep();
  bool canUpdate(double loss, double norm) const;
  void update(const Step &op);
  void finishPart(uint32_t category, uint32_t label);

  const Program &program;
  const int64_t number;
  const DeviceProgram &device;
  const DeviceLinks &links;
  const Calls &calls;
  DeviceMemory &memory;
  Exchange &exchange;
  Board &board;
  Board::PerStep *shared = nullptr; // of the current step
  uint32_t step = 0;
  Nanoseconds clock = 0; // where the last piece of work ended
  float gradientScale = 1;
  bool skips = false;        // the current step changes nothing
  int64_t skippedInARow = 0; // up to the current step
  int64_t updates = 0;       // steps that were not skipped

  MatmulRunner products;
  std::vector<Label> instructionLabels;
  uint32_t betweenSteps; // label
  std::vector<char *> blocks;    // of the routine that runs
  std::vector<void *> arguments; // of the kernel that runs
  std::vector<int64_t> inputSlots, seedSlots, keySlots, lossSlots;
  std::vector<uint64_t> keys; // of the key slots, for the current step
  std::vector<int64_t> deadSlots; // to poison between steps; empty: none
  Nanoseconds stepBegin = 0;
  Recorder record;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_EXECUTE_DEVICERUNNER_H
