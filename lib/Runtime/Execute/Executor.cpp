//===- Executor.cpp - Runs the programs of this process's devices ----------===//

#include "lib/Runtime/Execute/Executor.h"

#include "lib/Runtime/CPU/CPUDevice.h"
#include "lib/Runtime/CUDA/CUDAProcess.h"
#include "lib/Runtime/Emulated/EmulatedDevice.h"
#include "lib/Runtime/EndProcess.h"
#include "lib/Runtime/Error.h"
#include "lib/Runtime/Transport/HostTransport.h"

#include <algorithm>
#include <unistd.h>

using namespace bitpipe;

Executor::Executor(const Program &program, const Links &links,
                   const World &world, const LoadedKernels *kernels,
                   const Instruments &instruments)
    : program(program), links(links), instruments(instruments),
      prepared((useOneThread(), program), kernels,
               shareOf(world, program.devices.size()), instruments.teams.threads),
      local(shareOf(world, program.devices.size())), done(share().count()) {
  for (StepInputs &step : inputs)
    step.data.assign(program.inputs.size(),
                     std::vector<char *>(program.microbatches));
  checkTrace();
  if (instruments.cuda)
    gpus = std::make_unique<CUDAProcess>(program, world, share(), instruments.hostRank,
                                         *instruments.cuda, instruments.tracedSteps || instruments.profile);
  addDevices();
}

Executor::~Executor() { stop(); }

void Executor::connect(World &world) {
  if (gpus)
    transport = gpus->connect(world, links);
  else
    transport = std::make_unique<HostTransport>(
        program, links, world, local,
        instruments.emulated ? &instruments.emulated->collectives : nullptr,
        instruments.teams.threads, instruments.emulated ? &instruments.emulated->copies : nullptr);
}

void Executor::addDevices() {
  for (int64_t d = share().first; d < share().end; ++d)
    try {
      local.add(makeDevice(d));
    } catch (const std::system_error &error) {
      fail(program.path, ": error: device ", d, " of ", program.devices.size(),
           " needs an arena of ", program.devices[d].arena,
           " bytes: ", error.code().message());
    }
}

std::unique_ptr<Device> Executor::makeDevice(int64_t number) {
  size_t events = instruments.tracedSteps * eventsPerStep(number);
  if (instruments.emulated)
    return std::make_unique<EmulatedDevice>(
        program, number, prepared, events,
        instruments.emulated->instructions[number]);
  if (gpus)
    return gpus->makeDevice(number, prepared, events);
  // With a core for each device nothing disturbs the clock, which is cheaper.
  const TeamPlan &teams = instruments.teams;
  auto clock = teams.crowded() || instruments.profile ? HostDevice::WorkClock::Processor
                                                      : HostDevice::WorkClock::Time;
  constexpr Nanoseconds spin = 50'000; // longer than most kernels that are not shared
  TeamPlace place{{}, teams.crowded() ? 0 : spin};
  if (!teams.processors.empty())
    place.processors = teams.processors[number - share().first];
  return std::make_unique<CPUDevice>(program, number, prepared, events, clock, place);
}

size_t Executor::eventsPerStep(int64_t device) const {
  size_t events = 1; // the step itself
  auto &instructions = program.devices[device].instructions;
  for (size_t i = 0; i < instructions.size(); ++i) {
    events += 4 + links.devices[device].waits[i].size();
    if (auto *op = std::get_if<Execute>(&instructions[i]))
      events += program.routines[op->routine].calls.size();
  }
  return events;
}

/// A trace is kept in memory until the run ends.
void Executor::checkTrace() const {
  int64_t bytes = 0;
  for (int64_t d = share().first; d < share().end; ++d)
    bytes += eventsPerStep(d) * sizeof(TraceEvent);
  int64_t half = sysconf(_SC_PHYS_PAGES) / 2 * sysconf(_SC_PAGESIZE);
  if (instruments.tracedSteps > half / bytes)
    failUsage("--trace-steps asks for ", instruments.tracedSteps, " steps of ",
              bytes, " bytes, expected at most ", half / bytes,
              ", half of this machine's memory");
}

void Executor::start(UpdateState state) {
  for (int64_t d = share().first; d < share().end; ++d) {
    local[d].begin(state);
    runners.push_back(std::make_unique<DeviceRunner>(program, links, d, local[d], *transport,
                                                     instruments.poison));
  }
  for (int64_t d = share().first; d < share().end; ++d)
    try {
      threads.emplace_back([this, d] { deviceLoop(d); });
    } catch (const std::system_error &error) {
      failThread(joined("device ", d, " of ", program.devices.size()), error);
    }
}

void Executor::deviceLoop(int64_t device) {
  int64_t mine = device - share().first;
  uint32_t step = 0;
  try {
    useOneThread();
    for (;; ++step) {
      allowed.waitFor(step + 1);
      if (stopping)
        return;
      runners[mine]->run(step, inputs[step % 2]);
      done[mine].advance();
    }
  } catch (const std::exception &error) {
    // The other devices wait for this one, so nothing can be saved.
    endProcess(1, failureOf(device, step, error) + "\n");
  }
}

/// What went wrong with a device, and in which step of the training that showed.
std::string Executor::failureOf(int64_t device, uint32_t step, const std::exception &error) const {
  std::string_view what = error.what(), prefix = "error: ";
  if (what.starts_with(prefix))
    what.remove_prefix(prefix.size());
  const StepInputs &given = inputs[step % 2];
  return joined("error: device ", device, given.evaluates ? ": batch of an evaluation " : ": step ",
                given.number + 1, ": ", what);
}

std::optional<LibraryCounts> Executor::libraryCounts() const {
  return gpus ? std::optional(gpus->libraryCounts()) : std::nullopt;
}

void Executor::submit() {
  ++submitted;
  allowed.advance();
}

StepResult Executor::finish() {
  for (Counter &device : done)
    device.waitFor(collected + 1);
  transport->finishStep(collected);
  StepResult step = resultOf(share().first);
  for (int64_t d = share().first + 1; d < share().end; ++d)
    step.finished = std::max(step.finished, resultOf(d).finished);
  ++collected;
  return step;
}

StepResult Executor::resultOf(int64_t device) try {
  return local[device].result(collected);
} catch (const std::exception &error) {
  fail(failureOf(device, collected, error));
}

std::string Executor::describeBadIndex() const {
  for (int64_t d = share().first; d < share().end; ++d)
    if (std::string found = local[d].describeBadIndex(); !found.empty())
      return found;
  return "";
}

void Executor::timeCalls() {
  if (gpus)
    gpus->timeCalls();
}

void Executor::stop() {
  if (threads.empty())
    return;
  for (Counter &device : done)
    device.waitFor(submitted);
  if (submitted > 0)
    transport->finishStep(submitted - 1);
  stopping = true;
  allowed.advance();
  threads.clear(); // joins
}
