//===- Report.cpp - The table at the end of a run -------------------------===//
//
// The first step, which warms up caches and touches memory, counts only if it
// is the only one.
//
//===----------------------------------------------------------------------===//

#include "lib/Runtime/Train/Report.h"

#include <algorithm>
#include <cstdio>
#include <numeric>
#include <sys/resource.h>
#include <thread>

using namespace bitpipe;

namespace {

double seconds(Nanoseconds time) { return time * 1e-9; }
double mebibytes(int64_t bytes) { return bytes / double(1 << 20); }

Nanoseconds total(const std::vector<Nanoseconds> &times) {
  return std::accumulate(times.begin(), times.end(), Nanoseconds(0));
}

void printSteps(std::vector<double> times, int64_t tokensPerStep) {
  if (times.size() > 1)
    times.erase(times.begin());
  double sum = std::accumulate(times.begin(), times.end(), 0.0);
  std::ranges::sort(times);
  std::printf("\nstep time      %10.2f ms median, %.2f ms fastest\n",
              times[times.size() / 2] * 1e3, times.front() * 1e3);
  std::printf("tokens/s       %10.0f\n", tokensPerStep * times.size() / sum);
}

/// Devices that share a core wait for each other, whatever the schedule.
void printCores(size_t devices) {
  unsigned cores = std::thread::hardware_concurrency();
  std::printf("devices        %10zu on %u %s%s\n", devices, cores,
              cores == 1 ? "core" : "cores",
              cores < devices ? ": they take turns, which counts as waiting" : "");
}

/// Returns the share of their time that devices waited.
double printDevices(const Program &program, Executor &executor) {
  std::printf("\ndevice   waiting    memory planned   memory touched\n");
  double waiting = 0, all = 0;
  for (size_t d = 0; d < program.devices.size(); ++d) {
    const auto &times = executor.recorder(d).timeByCategory();
    double mine = total(times), idle = times[Calls::Waiting];
    waiting += idle;
    all += mine;
    std::printf("%-6zu   %6.1f%%   %11.1f MiB  %11.1f MiB\n", d,
                mine ? 100 * idle / mine : 0.0,
                mebibytes(program.devices[d].arena),
                mebibytes(executor.memory(d).arena().residentBytes()));
  }
  return all ? waiting / all : 0;
}

void printKinds(const Program &program, Executor &executor) {
  const auto &names = executor.calls().categories();
  std::vector<Nanoseconds> times(names.size());
  for (size_t d = 0; d < program.devices.size(); ++d)
    for (size_t i = 0; i < names.size(); ++i)
      times[i] += executor.recorder(d).timeByCategory()[i];
  std::vector<size_t> order(names.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, [&](size_t a, size_t b) {
    return times[a] != times[b] ? times[a] > times[b] : a < b;
  });
  double all = std::max<double>(total(times), 1);
  std::printf("\nkind of work      device seconds    share\n");
  for (size_t i : order)
    if (times[i])
      std::printf("%-22s %9.3f   %5.1f%%\n", names[i].c_str(),
                  seconds(times[i]), 100 * times[i] / all);
}

/// The bubble that the schedule has with what every instruction took, on as
/// many undisturbed processors and with free messages.
double bubbleOfSchedule(const Program &program, const Links &links,
                        const Executor &executor) {
  std::vector<std::vector<int64_t>> durations;
  for (size_t d = 0; d < program.devices.size(); ++d)
    durations.push_back(executor.recorder(d).timeByInstruction());
  return predictWaiting(program, links, durations);
}

} // namespace

void bitpipe::printReport(const Program &program, const Links &links,
                          Executor &executor, std::vector<double> stepSeconds,
                          int64_t tokensPerStep) {
  if (stepSeconds.empty())
    return;
  printSteps(std::move(stepSeconds), tokensPerStep);
  printCores(program.devices.size());
  double bubble = printDevices(program, executor);
  std::printf("bubble   %6.1f%%   of the devices' time measured, %.1f%% predicted "
              "from the time of each run\n",
              100 * bubble,
              100 * bubbleOfSchedule(program, links, executor));
  struct rusage usage;
  if (getrusage(RUSAGE_SELF, &usage) == 0)
    std::printf("process            peak %11.1f MiB\n",
                mebibytes(int64_t(usage.ru_maxrss) * 1024));
  printKinds(program, executor);
}
