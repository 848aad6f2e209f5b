//===- Executor.h - Runs the programs of this process's devices ------------===//
//
// One thread per device. The caller submits the inputs of steps, at most two
// ahead of the last finished one, and collects their results in order.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_EXECUTE_EXECUTOR_H
#define BITPIPE_RUNTIME_EXECUTE_EXECUTOR_H

#include "lib/Runtime/CUDA/LibraryCounts.h"
#include "lib/Runtime/Execute/Calls.h"
#include "lib/Runtime/Execute/DeviceRunner.h"
#include "lib/Runtime/Execute/LocalDevices.h"
#include "lib/Runtime/Launch/Cores.h"
#include "lib/Runtime/Plan/WorkTimes.h"

#include <deque>
#include <thread>

namespace bitpipe {

class CUDAProcess;
struct CUDAOptions;

/// What a run does besides training.
struct Instruments {
  int64_t tracedSteps = 0; // whose events are kept
  bool poison = false;     // fill dead memory with NaN before every step
  bool profile = false;    // time work exactly, whoever else uses the processors
  TeamPlan teams;          // of devices that compute
  /// What devices take that do not compute; null if they do.
  const WorkTimes *emulated = nullptr;
  /// How devices compute that are GPUs; null if they are none.
  const CUDAOptions *cuda = nullptr;
  int64_t hostRank = 0; // how many ranks before this one are on its host
};

class Executor {
public:
  /// Makes the devices of this process.
  Executor(const Program &program, const Links &links, const World &world,
           const LoadedKernels *kernels, const Instruments &instruments);
  ~Executor();

  /// Connects the devices with those of other processes, when all have been made. Every
  /// rank calls it.
  void connect(World &world);

  const LocalDevices &devices() const { return local; }
  const Share &share() const { return local.share(); }
  const Calls &calls() const { return prepared; }
  /// See Transport.
  std::vector<std::vector<TimedWork>> collectiveTimes(int64_t device) const {
    return transport->collectiveTimes(device);
  }
  CopyRate hostRate(int64_t device) const { return transport->hostRate(device); }
  const Transport &transports() const { return *transport; }
  /// How many steps its threads may have begun. Called by any thread.
  uint32_t begun() const { return allowed.get() - (stopping ? 1 : 0); }
  const DeviceStatus &status(int64_t device) const {
    return runners[device - share().first]->status();
  }

  /// Starts the threads, from where a training stands.
  void start(UpdateState state);

  /// The inputs to fill for the step that is submitted next.
  StepInputs &nextInputs() { return inputs[submitted % 2]; }
  void submit();
  /// Waits for the result of the next step in order.
  StepResult finish();
  /// The first index outside of its table that a kernel has met here, while all devices
  /// stand still; empty if none has.
  std::string describeBadIndex() const;
  /// Of devices that are GPUs; nothing where they are none.
  std::optional<LibraryCounts> libraryCounts() const;
  /// Of devices that are GPUs, while all stand still; see CUDADevice.
  void timeCalls();
  /// Lets all devices end after the steps submitted so far, and waits.
  void stop();

private:
  void addDevices();
  std::unique_ptr<Device> makeDevice(int64_t number);
  void deviceLoop(int64_t device);
  StepResult resultOf(int64_t device);
  std::string failureOf(int64_t device, uint32_t step, const std::exception &error) const;
  size_t eventsPerStep(int64_t device) const;
  void checkTrace() const;

  const Program &program;
  const Links &links;
  const Instruments instruments;
  Calls prepared;
  std::unique_ptr<CUDAProcess> gpus; // if devices are GPUs; ends after the devices
  LocalDevices local;
  std::unique_ptr<Transport> transport;
  std::vector<std::unique_ptr<DeviceRunner>> runners;
  StepInputs inputs[2];
  uint32_t submitted = 0, collected = 0;
  Counter allowed; // steps that may start
  std::atomic<bool> stopping = false;
  std::deque<Counter> done;                // finished steps, by local device
  std::vector<std::jthread> threads;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_EXECUTE_EXECUTOR_H
