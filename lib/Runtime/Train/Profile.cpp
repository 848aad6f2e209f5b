//===- Profile.cpp - What a run measured, as costs -------------------------===//

#include "lib/Runtime/Train/Profile.h"

#include "lib/Runtime/Median.h"
#include "lib/Runtime/Plan/StageSizes.h"
#include "lib/Runtime/Plan/WorkTimes.h"

#include <limits>

using namespace bitpipe;
using schedule::Costs;

namespace {

double seconds(double nanoseconds) { return nanoseconds * 1e-9; }

/// A mean that grows.
struct Mean {
  double sum = 0, count = 0;

  /// The value, or that of a part.
  void add(double value, double part = 1) {
    sum += value;
    count += part;
  }
  double get() const { return count > 0 ? sum / count : 0; }
};

/// Of the parameters of some stages.
struct GroupTimes {
  Mean norm, optimizer;
  Mean sums[3];    // by the kind of collective; two of them are halves of the third
  int holders = 0; // over which they are; 0: no sum

  double sum() const {
    double total = 0;
    for (const Mean &one : sums)
      total += one.get();
    return total;
  }
};

class Profiler {
public:
  Profiler(const Program &program, const Links &links,
           const std::vector<ProcessReport> &processes)
      : program(program), links(links), processes(processes),
        devices(program.devices.size()), runs(stageCount(program)) {
    for (const ProcessReport &process : processes)
      for (const DeviceReport &device : process.devices)
        devices[device.device] = &device;
    for (size_t d = 0; d < devices.size(); ++d)
      addDevice(d);
    for (size_t i = 0; i < links.collectives.size(); ++i)
      addCollective(i);
  }

  void fill(Costs &costs) const {
    costs.stages.assign(runs.size(), {});
    for (size_t stage = 0; stage < runs.size(); ++stage)
      fillStage(costs.stages[stage], runs[stage]);
    for (const auto &[stages, times] : groups) {
      schedule::SharedCost cost{stages, times.sum(), times.norm.get(),
                                times.optimizer.get(), times.holders};
      if (stages.size() > 1)
        costs.shared.push_back(cost);
      else if (!stages.empty())
        setOwn(costs.stages[stages.front()], cost);
    }
  }

private:
  using Runs = std::map<char, Mean>; // by kind

  static std::vector<int> narrow(const std::vector<int64_t> &stages) {
    return {stages.begin(), stages.end()};
  }

  void addDevice(size_t d) {
    const DeviceList &device = program.devices[d];
    for (size_t i = 0; i < device.instructions.size(); ++i) {
      double time = seconds(double(devices[d]->work[i]));
      const Instruction &op = device.instructions[i];
      if (auto *run = std::get_if<Execute>(&op); run && !isEmptyForward(program, *run))
        runs[run->run.stage][run->run.kind].add(time);
      else if (auto *step = std::get_if<Step>(&op))
        addTo(groups[narrow(step->stages)].optimizer, time, shareOf(step->stepped, *step));
      else if (auto *norm = std::get_if<GradNorm>(&op))
        addNorm(device, *norm, time);
    }
  }

  /// A device squares the gradients of several groups at once.
  void addNorm(const DeviceList &device, const GradNorm &norm, double time) {
    double elements = 0;
    for (const Range &range : norm.ranges)
      elements += double(range.count());
    if (elements == 0)
      return;
    for (size_t i = 0; i < norm.slots.size(); ++i)
      if (const Step *step = stepOfGradients(device, norm.slots[i]))
        addTo(groups[narrow(step->stages)].norm,
              time * double(norm.ranges[i].count()) / elements,
              shareOf(norm.ranges[i], *step));
  }

  /// What a share of a group took, as what all of it would take.
  static void addTo(Mean &mean, double time, double share) {
    if (share > 0)
      mean.add(time / share);
  }

  void addCollective(size_t number) {
    const CollectiveLink &link = links.collectives[number];
    GroupTimes &times = groups[narrow(link.stages)];
    times.sums[link.kind].add(timeOfCollective(number), link.share);
    times.holders = int(link.devices.size());
  }

  /// Where a collective is in a device's order.
  size_t placeOf(size_t number, int64_t device) const {
    const auto &order = links.devices[device].collectives;
    return std::ranges::find(order, int64_t(number)) - order.begin();
  }

  /// From the last member's coming to the end. But sums give way to computing: so
  /// within a process it is what the longest part takes of a processor, and between
  /// processes the quickest one. On GPUs it is what the member that waited least for the
  /// others took.
  double timeOfCollective(size_t number) const {
    const CollectiveLink &link = links.collectives[number];
    std::vector<const std::vector<TimedWork> *> parts;
    for (int64_t device : link.devices)
      parts.push_back(&devices[device]->sums[placeOf(number, device)]);
    bool computes = devices.front()->computes;
    bool byClock = processes.size() > 1 || !computes, onGPUs = isGPU(*devices.front());
    std::vector<Nanoseconds> times;
    for (size_t back = 0; back < parts.front()->size(); ++back) {
      Nanoseconds begin = std::numeric_limits<Nanoseconds>::min(), end = begin;
      Nanoseconds work = 0, least = std::numeric_limits<Nanoseconds>::max();
      for (const auto *part : parts) {
        begin = std::max(begin, (*part)[back].begin);
        end = std::max(end, (*part)[back].end);
        work = std::max(work, (*part)[back].work);
        least = std::min(least, (*part)[back].work);
      }
      times.push_back(onGPUs ? least : byClock ? end - begin : work);
    }
    if (computes && byClock && !times.empty())
      return seconds(double(std::ranges::min(times)));
    return seconds(double(median(times)));
  }

  /// Files of costs want times above 0.
  static double timeOf(const Runs &runs, char kind) {
    constexpr double least = 1e-9;
    auto found = runs.find(kind);
    return found == runs.end() ? least : std::max(found->second.get(), least);
  }

  static void fillStage(schedule::StageCost &stage, const Runs &runs) {
    // Of an empty forward the recomputation does all.
    stage.forward = timeOf(runs, runs.count('F') ? 'F' : 'R');
    if (runs.count('R'))
      stage.recompute = timeOf(runs, 'R');
    std::optional<double> whole, input, weight;
    if (runs.count('B'))
      whole = timeOf(runs, 'B');
    if (runs.count('I') || runs.count('W')) {
      input = timeOf(runs, 'I');
      weight = timeOf(runs, 'W');
    }
    schedule::setGradients(stage, whole, input, weight);
  }

  static void setOwn(schedule::StageCost &stage,
                     const schedule::SharedCost &times) {
    stage.sum = times.sum;
    stage.holders = times.holders;
    stage.norm = times.norm;
    stage.optimizer = times.optimizer;
  }

  const Program &program;
  const Links &links;
  const std::vector<ProcessReport> &processes;
  std::vector<const DeviceReport *> devices;
  std::vector<Runs> runs; // by stage
  std::map<std::vector<int>, GroupTimes> groups; // by stages
};

} // namespace

bool bitpipe::sharesProcessors(const ProcessReport &process) {
  return std::ranges::count_if(process.devices, &DeviceReport::computes) *
             process.threads >
         std::ptrdiff_t(process.cores.size());
}

Costs bitpipe::profile(const Program &program, const Links &links,
                       const std::vector<ProcessReport> &processes, double feed) {
  Costs costs;
  Profiler(program, links, processes).fill(costs);
  costs.feed = feed;
  costs.timeUnit = "seconds";
  costs.sizeUnit = "bytes";
  if (!processes.empty() && processes.front().devices.front().computes)
    costs.threads = int(processes.front().threads);
  costs.model = modelHash(program);
  addSizes(program, links, costs);
  addLinks(program, links, processes, costs);
  return costs;
}
