//===- Executor.cpp - Runs the programs of all devices --------------------===//

#include "lib/Runtime/Execute/Executor.h"

#include "lib/Runtime/Error.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <unistd.h>

using namespace bitpipe;

static std::vector<std::unique_ptr<DeviceMemory>>
allocate(const Program &program) {
  std::vector<std::unique_ptr<DeviceMemory>> memories;
  for (const DeviceProgram &device : program.devices)
    try {
      memories.push_back(std::make_unique<DeviceMemory>(device));
    } catch (const std::system_error &error) {
      fail(program.path, ": error: device ", memories.size(), " of ",
           program.devices.size(), " needs an arena of ", device.arena,
           " bytes: ", error.code().message());
    }
  return memories;
}

Executor::Executor(const Program &program, const Links &links,
                   const KernelLibrary &kernels)
    : program(program), links(links),
      prepared((useOneThread(), program), kernels), memories(allocate(program)),
      exchange(links, memories), done(program.devices.size()) {
  for (Board::PerStep &step : board.steps) {
    step.losses.resize(program.microbatches);
    if (program.loss == "counts")
      step.counts.resize(program.microbatches);
    step.squares.resize(program.devices.size());
    step.finished.resize(program.devices.size());
    step.inputs.data.assign(program.inputs.size(),
                            std::vector<char *>(program.microbatches));
  }
}

Executor::~Executor() { stop(); }

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
void Executor::checkTrace(int64_t steps) const {
  int64_t bytes = 0;
  for (size_t d = 0; d < memories.size(); ++d)
    bytes += eventsPerStep(d) * sizeof(TraceEvent);
  int64_t half = sysconf(_SC_PHYS_PAGES) / 2 * sysconf(_SC_PAGESIZE);
  if (steps > half / bytes)
    failUsage("--trace-steps asks for ", steps, " steps of ", bytes,
              " bytes, expected at most ", half / bytes,
              ", half of this machine's memory");
}

void Executor::start(const Instruments &instruments) {
  checkTrace(instruments.tracedSteps);
  for (size_t d = 0; d < memories.size(); ++d)
    runners.push_back(std::make_unique<DeviceRunner>(
        program, d, links, prepared, *memories[d], exchange, board,
        instruments.tracedSteps * eventsPerStep(d), instruments.poison));
  for (size_t d = 0; d < memories.size(); ++d)
    try {
      threads.emplace_back([this, d] { deviceLoop(d); });
    } catch (const std::system_error &error) {
      failThread(d, memories.size(), error);
    }
}

void Executor::deviceLoop(int64_t device) {
  try {
    useOneThread();
    for (uint32_t step = 0;; ++step) {
      allowed.waitFor(step + 1);
      if (stopping)
        return;
      runners[device]->run(step);
      done[device].advance();
    }
  } catch (const std::exception &error) {
    // The other devices wait for this one, so nothing can be saved.
    std::fprintf(stderr, "error: device %ld: %s\n", long(device), error.what());
    std::_Exit(1);
  }
}

void Executor::submit() {
  ++submitted;
  allowed.advance();
}

StepResult Executor::finish() {
  for (Counter &device : done)
    device.waitFor(collected + 1);
  const Board::PerStep &step = board.steps[collected % 2];
  ++collected;
  bool metBadIndex =
      step.skipped && prepared.kernels().metBadIndex();
  return {std::accumulate(step.losses.begin(), step.losses.end(), 0.0),
          step.count, step.gradNorm, step.skipped,
          std::ranges::max(step.finished), metBadIndex};
}

void Executor::stop() {
  if (threads.empty())
    return;
  for (Counter &device : done)
    device.waitFor(submitted);
  stopping = true;
  allowed.advance();
  threads.clear(); // joins
}
