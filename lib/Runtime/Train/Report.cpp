//===- Report.cpp - The table at the end of a run -------------------------===//
//
// The first step, which warms up caches and touches memory, counts only if it
// is the only one.
//
//===----------------------------------------------------------------------===//

#include "lib/Runtime/Train/Report.h"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <numeric>
#include <set>

using namespace bitpipe;

namespace {

double seconds(Nanoseconds time) { return time * 1e-9; }
std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f%%", 100 * share);
  return text;
}
double mebibytes(int64_t bytes) { return bytes / double(1 << 20); }

void printSteps(std::vector<double> times, int64_t tokensPerStep) {
  if (times.size() > 1)
    times.erase(times.begin());
  double sum = std::accumulate(times.begin(), times.end(), 0.0);
  std::ranges::sort(times);
  std::printf("\nstep time      %10.2f ms median, %.2f ms fastest\n",
              times[times.size() / 2] * 1e3, times.front() * 1e3);
  std::printf("tokens/s       %10.0f\n", tokensPerStep * times.size() / sum);
}

using Processes = std::vector<ProcessReport>;

/// Where the devices of a run compute.
struct Cores {
  int64_t devices = 0, computing = 0, cores = 0;
  int64_t threads = 1; // per device
  std::map<std::string, int64_t> gpus; // devices by host and GPU

  explicit Cores(const Processes &processes) {
    std::set<std::pair<std::string, int>> seen; // by host and number
    for (const ProcessReport &process : processes) {
      for (int core : process.cores)
        cores += seen.insert({process.host, core}).second;
      devices += int64_t(process.devices.size());
      threads = process.threads;
      for (const DeviceReport &device : process.devices) {
        computing += device.computes;
        if (!device.place.empty())
          ++gpus[device.place + " of " + process.host];
      }
    }
  }
  std::string gpuText() const {
    std::string text;
    for (auto &[gpu, count] : gpus)
      text += (text.empty() ? "" : ", ") + gpu +
              (count > 1 ? ", shared by " + std::to_string(count) : "");
    return text;
  }
  std::string text() const {
    return std::to_string(cores) + (cores == 1 ? " core" : " cores");
  }
  bool crowded() const { return computing * threads > cores; }
};

/// Devices that share a core wait for each other, whatever the schedule.
void printCores(const Cores &cores) {
  std::printf("devices        %10ld", long(cores.devices));
  if (!cores.gpus.empty())
    std::printf(" on %s\n", cores.gpuText().c_str());
  else if (cores.computing == 0)
    std::printf(", emulated\n");
  else
    std::printf(", %ld thread%s each on %s%s\n", long(cores.threads),
                cores.threads == 1 ? "" : "s", cores.text().c_str(),
                cores.crowded()
                    ? ": they take turns, which counts as waiting"
                    : "");
}

/// Returns the share of their time that devices waited.
double printDevices(const Processes &processes) {
  bool ranks = processes.size() > 1;
  std::printf("\n%sdevice   waiting    memory planned   memory touched\n",
              ranks ? "rank   " : "");
  double waiting = 0, all = 0;
  for (const ProcessReport &process : processes)
    for (const DeviceReport &device : process.devices) {
      double mine = device.total(), idle = device.waiting();
      waiting += idle;
      all += mine;
      if (ranks)
        std::printf("%-4d   ", process.rank);
      std::printf("%-6ld   %7s   %11.1f MiB  %11.1f MiB\n", long(device.device),
                  mine ? percent(idle / mine).c_str() : "-", mebibytes(device.plannedBytes),
                  mebibytes(device.touchedBytes));
    }
  return all ? waiting / all : 0;
}

/// What hosts keep of their devices, and how fast it came and went.
void printHosts(const Processes &processes) {
  for (const ProcessReport &process : processes)
    for (const DeviceReport &device : process.devices) {
      if (!device.plannedOnHost)
        continue;
      std::printf("host of device %-4ld %11.1f MiB  %11.1f MiB", long(device.device),
                  mebibytes(device.plannedOnHost), mebibytes(device.touchedOnHost));
      if (device.copyTime > 0)
        std::printf("   copies at %.2f GB/s", double(device.copiedBytes) / double(device.copyTime));
      std::printf("\n");
    }
}

/// Beside what devices have planned and get in one piece.
void printLibraries(const Processes &processes) {
  std::map<std::string, int64_t> taken; // by host and GPU
  for (const ProcessReport &process : processes)
    for (const DeviceReport &device : process.devices)
      if (!device.place.empty())
        taken[device.place + " of " + process.host] = device.libraryBytes;
  for (auto &[gpu, bytes] : taken)
    std::printf("libraries, kernels and graphs took %.1f MiB of %s\n", mebibytes(bytes),
                gpu.c_str());
}

void printProcesses(const Processes &processes) {
  for (const ProcessReport &process : processes)
    if (processes.size() == 1)
      std::printf("process            peak %11.1f MiB\n",
                  mebibytes(process.peakBytes));
    else
      std::printf("rank %-5d on %-14s peak %11.1f MiB\n", process.rank,
                  process.host.c_str(), mebibytes(process.peakBytes));
}

void printKinds(const Processes &processes) {
  std::map<std::string, Nanoseconds> times;
  double all = 0;
  for (const ProcessReport &process : processes)
    for (const DeviceReport &device : process.devices)
      for (auto &[kind, time] : device.byKind) {
        times[kind] += time;
        all += time;
      }
  std::vector<std::pair<std::string, Nanoseconds>> order(times.begin(),
                                                         times.end());
  std::ranges::stable_sort(order, std::greater(), [](auto &kind) {
    return kind.second;
  });
  std::printf("\nkind of work      device seconds    share\n");
  for (auto &[kind, time] : order)
    if (time)
      std::printf("%-22s %9.3f   %5.1f%%\n", kind.c_str(), seconds(time),
                  100 * time / all);
}

bool isTimed(const Processes &processes) {
  return processes.front().devices.front().total() > 0;
}

void printBubble(const Cores &cores, double measured, PredictedBubble predicted) {
  std::printf("bubble   %6.1f%%   of the devices' time measured, %.1f%% predicted "
              "from the time of each run",
              100 * measured, 100 * predicted.onCores);
  if (cores.crowded())
    std::printf(" on %s, %.1f%% with a core for every device",
                cores.text().c_str(), 100 * predicted.undisturbed);
  std::printf("\n");
}

} // namespace

void bitpipe::printReport(const Processes &processes,
                          std::vector<double> stepSeconds,
                          int64_t tokensPerStep, PredictedBubble predicted) {
  printSteps(std::move(stepSeconds), tokensPerStep);
  Cores cores(processes);
  printCores(cores);
  double bubble = printDevices(processes);
  printHosts(processes);
  if (isTimed(processes))
    printBubble(cores, bubble, predicted);
  printProcesses(processes);
  printLibraries(processes);
  if (isTimed(processes))
    printKinds(processes);
  else
    std::printf("\nnothing within steps is timed: --trace, --profile and --predict do that\n");
}
