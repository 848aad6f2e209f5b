//===- Executor.h - Runs the programs of all devices ----------------------===//
//
// One thread per device. The caller submits the inputs of steps, at most two
// ahead of the last finished one, and collects their results in order.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_EXECUTE_EXECUTOR_H
#define BITPIPE_RUNTIME_EXECUTE_EXECUTOR_H

#include "lib/Runtime/Execute/DeviceRunner.h"

#include <atomic>
#include <deque>
#include <map>
#include <thread>

namespace bitpipe {

/// What a run does besides training.
struct Instruments {
  int64_t tracedSteps = 0; // whose events are kept
  bool poison = false;     // fill dead memory with NaN before every step
};

struct StepResult {
  double lossSum;
  double count; // see Board::PerStep
  double gradNorm;
  bool skipped; // changed nothing, since one of them is not finite
  Nanoseconds finished;
  bool metBadIndex = false; // so that the step changed nothing
};

class Executor {
public:
  Executor(const Program &program, const Links &links,
           const KernelLibrary &kernels);
  ~Executor();

  DeviceMemory &memory(int64_t device) { return *memories[device]; }
  /// Values (f32) of the parameters that no device computes with, by name: they
  /// are loaded and saved with the others.
  std::map<std::string, std::vector<char>> &unread() { return unreadValues; }
  const Calls &calls() const { return prepared; }
  const Recorder &recorder(int64_t device) const {
    return runners[device]->recorder();
  }

  /// Prepares everything and starts the threads.
  void start(const Instruments &instruments);

  /// The inputs to fill for the step that is submitted next.
  StepInputs &nextInputs() { return board.steps[submitted % 2].inputs; }
  void submit();
  /// Waits for the result of the next step in order.
  StepResult finish();
  /// Lets all devices end after the steps submitted so far, and waits.
  void stop();

private:
  void deviceLoop(int64_t device);
  size_t eventsPerStep(int64_t device) const;
  void checkTrace(int64_t steps) const;

  const Program &program;
  const Links &links;
  Calls prepared;
  std::vector<std::unique_ptr<DeviceMemory>> memories;
  std::map<std::string, std::vector<char>> unreadValues;
  Exchange exchange;
  Board board;
  std::vector<std::unique_ptr<DeviceRunner>> runners;
  uint32_t submitted = 0, collected = 0;
  Counter allowed; // steps that may start
  std::atomic<bool> stopping = false;
  std::deque<Counter> done; // by device: finished steps
  std::vector<std::jthread> threads;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_EXECUTE_EXECUTOR_H
