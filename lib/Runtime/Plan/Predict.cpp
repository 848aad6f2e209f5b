//===- Predict.cpp - When everything in a step will happen -----------------===//
//
// Every device walks its list as DeviceRunner does: it waits for what an instruction
// touches, works, and starts a message or sum, or gives its part of the norm. Events
// come in the order of time, and each wakes only those that may wait for it.
//
//===----------------------------------------------------------------------===//

#include "lib/Runtime/Plan/Predict.h"

#include "lib/Runtime/Plan/Processors.h"
#include "lib/Runtime/Transport/Pacing.h"

#include <algorithm>
#include <map>
#include <numeric>

using namespace bitpipe;

namespace {

class Simulator {
public:
  Simulator(const Program &program, const Links &links, const WorkTimes &times,
            const PredictOptions &options)
      : program(program), links(links), times(times),
        steps(std::max(filling + measured, options.tracedSteps)),
        traced(options.tracedSteps), devices(program.devices.size()),
        messages(links.messages.size()), sums(links.reductions.size()),
        processOf(devices.size()), ends(steps), arrived(steps) {
    if (!options.processes.empty())
      processOf = options.processes;
    lastNews.resize(1 + std::ranges::max(processOf));
    pools.emplace_back(0);
    for (const Machine &machine : options.machines) {
      for (size_t d : machine.devices)
        devices[d].pool = pools.size();
      pools.emplace_back(machine.processors);
    }
  }

  Prediction run();

private:
  /// The first steps fill the pipeline, and have none before them to wait for.
  static constexpr int64_t filling = 4, measured = 4;

  enum class State { BetweenSteps, Ready, Working, AtNorm };

  struct Device {
    size_t pool = 0; // of processors
    State state = State::BetweenSteps;
    int64_t step = 0;
    size_t next = 0;          // instruction
    double begin = 0;         // of the work
    double stepBegin = 0;
    double waitingSince = -1; // -1: it does not wait
    double waited = 0;
    std::vector<double> waitedBy; // by the end of each step
    // Its sums run one after the other, beside its work.
    size_t startedSums = 0, nextSum = 0;
    bool summing = false; // stands at a sum, or works on its part
  };
  struct Message {
    int64_t starts = 0, completed = 0;
  };
  struct Sum {
    int64_t arrived = 0, parts = 0, completed = 0; // members, over all steps
  };
  struct Timer {
    enum Kind { MessageThere, MessageNoticed, ResultThere, Released } kind;
    size_t number; // of the message or device
  };

  const std::vector<Instruction> &list(size_t d) const {
    return program.devices[d].instructions;
  }
  void wake(size_t d) { awake.push_back(d); }
  void at(double time, Timer timer) { timers.emplace(time, timer); }

  // Devices
  void advance(size_t d);
  bool mayBegin(size_t d);
  bool isComplete(const Wait &wait, int64_t step) const;
  void wait(size_t d);
  void endWait(size_t d);
  void finishInstruction(size_t d);
  void endStep(size_t d);
  // What they start
  void startMessage(size_t d, size_t index);
  double lateness(size_t d) const;
  void messageThere(size_t index);
  void completeMessage(size_t index);
  void advanceSums(size_t d);
  void finishPart(size_t d);
  void arriveAtNorm(size_t d);
  void feed();
  void submit();

  double nextTime() const;
  void expire(const Timer &timer);
  void endWork(Processors &pool);
  void record(PredictedEvent::Kind kind, size_t d, size_t instruction,
              double begin, double end);
  Prediction result();

  const Program &program;
  const Links &links;
  const WorkTimes &times;
  const int64_t steps, traced;
  std::vector<Device> devices;
  std::vector<Message> messages;
  std::vector<Sum> sums;
  std::map<std::pair<int64_t, int64_t>, double> linkFree; // by from and to
  std::vector<size_t> processOf; // by device
  std::vector<double> lastNews;  // of each process's network
  struct Step {
    int64_t devices = 0;
    double time = 0;
  };
  std::vector<Step> ends;    // of steps: devices that are done, the last one's time
  std::vector<Step> arrived; // at the norm
  int64_t fed = 0, mayFeed = 2, submitted = 0; // steps
  double now = 0;
  std::vector<Processors> pools;
  std::multimap<double, Timer> timers;
  std::vector<size_t> awake;
  Prediction prediction;
};

} // namespace

void Simulator::record(PredictedEvent::Kind kind, size_t d, size_t instruction,
                       double begin, double end) {
  if (devices[d].step < traced && end > begin)
    prediction.events.push_back({kind, d, instruction, begin, end});
}

bool Simulator::isComplete(const Wait &wait, int64_t step) const {
  int64_t needed = step + 1 - wait.previousStep;
  return (wait.kind == Wait::Message ? messages[wait.index].completed
                                     : sums[wait.index].completed) >= needed;
}

/// Whether nothing holds the device at its next instruction or step.
bool Simulator::mayBegin(size_t d) {
  const Device &device = devices[d];
  if (device.state == State::BetweenSteps)
    return device.step < submitted;
  if (device.next == list(d).size())
    return true;
  for (const Wait &wait : links.devices[d].waits[device.next])
    if (!isComplete(wait, device.step))
      return false;
  return true;
}

void Simulator::wait(size_t d) {
  if (devices[d].waitingSince < 0)
    devices[d].waitingSince = now;
}

void Simulator::endWait(size_t d) {
  Device &device = devices[d];
  if (device.waitingSince < 0)
    return;
  device.waited += now - device.waitingSince;
  bool between = device.state == State::BetweenSteps;
  record(PredictedEvent::Wait, d, between ? list(d).size() : device.next,
         device.waitingSince, now);
  device.waitingSince = -1;
}

/// Goes on until the device waits or works.
void Simulator::advance(size_t d) {
  Device &device = devices[d];
  while (device.state != State::Working && device.state != State::AtNorm &&
         device.step < steps) {
    if (!mayBegin(d))
      return wait(d);
    endWait(d);
    if (device.state == State::BetweenSteps) {
      device.state = State::Ready;
      device.stepBegin = now;
      continue;
    }
    if (device.next == list(d).size()) {
      endStep(d);
      continue;
    }
    device.begin = now;
    device.state = State::Working;
    double work = times.instructions[d][device.next];
    if (work > 0)
      pools[device.pool].begin(Processors::Normal, d, work);
    else
      finishInstruction(d);
  }
}

void Simulator::finishInstruction(size_t d) {
  Device &device = devices[d];
  size_t i = device.next;
  record(PredictedEvent::Work, d, i, device.begin, now);
  if (std::holds_alternative<GradNorm>(list(d)[i]))
    return arriveAtNorm(d);
  device.state = State::Ready;
  ++device.next;
  if (std::holds_alternative<AllReduce>(list(d)[i])) {
    ++device.startedSums;
    advanceSums(d);
  } else if (int64_t started = links.devices[d].starts[i]; started >= 0) {
    startMessage(d, started);
  }
}

void Simulator::endStep(size_t d) {
  Device &device = devices[d];
  record(PredictedEvent::Step, d, device.step, device.stepBegin, now);
  device.waitedBy.push_back(device.waited);
  Step &end = ends[device.step];
  end.time = now;
  device.state = State::BetweenSteps;
  device.next = 0;
  ++device.step;
  if (++end.devices < int64_t(devices.size()))
    return;
  ++mayFeed;
  feed();
}

/// The data of a step are read once the step two before it has ended everywhere, by a
/// thread beside those of the devices.
void Simulator::feed() {
  if (fed > submitted || fed == mayFeed)
    return;
  ++fed;
  pools[devices.front().pool].begin(Processors::Normal, devices.size(), times.feed);
}

void Simulator::submit() {
  ++submitted;
  for (size_t d = 0; d < devices.size(); ++d)
    wake(d);
  feed();
}

/// Who comes second lets a message go; one at a time uses a way.
void Simulator::startMessage(size_t d, size_t index) {
  lastNews[processOf[d]] = now;
  if (++messages[index].starts % 2 != 0)
    return;
  const MessageLink &link = links.messages[index];
  const schedule::MessageTime &time = times.messages[index];
  double &free = linkFree[{link.from, link.to}];
  free = std::max(free, now) + time.transfer;
  if (free + time.latency > now)
    at(free + time.latency, {Timer::MessageThere, index});
  else
    messageThere(index);
}

/// How late the process of a device notices what has come: on average half of how
/// long its network's thread sleeps.
double Simulator::lateness(size_t d) const {
  std::chrono::duration<double> waited(now - lastNews[processOf[d]]);
  auto whole = std::chrono::duration_cast<std::chrono::nanoseconds>(waited);
  return double(Pacing::sleepAfter(whole).count()) * 0.5e-9;
}

void Simulator::messageThere(size_t index) {
  const MessageLink &link = links.messages[index];
  bool within = processOf[link.from] == processOf[link.to];
  double late = within ? 0 : lateness(link.to);
  if (late > 0)
    at(now + late, {Timer::MessageNoticed, index});
  else
    completeMessage(index);
}

void Simulator::completeMessage(size_t index) {
  lastNews[processOf[links.messages[index].to]] = now;
  ++messages[index].completed;
  wake(links.messages[index].from);
  wake(links.messages[index].to);
}

/// A device's next sum begins when all members have come to it.
void Simulator::advanceSums(size_t d) {
  Device &device = devices[d];
  if (device.summing || device.nextSum == device.startedSums)
    return;
  const auto &order = links.devices[d].reductions;
  int64_t index = order[device.nextSum % order.size()];
  const ReductionLink &link = links.reductions[index];
  device.summing = true;
  if (++sums[index].arrived % int64_t(link.devices.size()) != 0)
    return;
  for (int64_t member : link.devices)
    pools[devices[member].pool].begin(Processors::Low, member, times.sums[index]);
}

/// Each member adds up a slice, and goes on to its next sum.
void Simulator::finishPart(size_t d) {
  Device &device = devices[d];
  const auto &order = links.devices[d].reductions;
  int64_t index = order[device.nextSum % order.size()];
  const ReductionLink &link = links.reductions[index];
  ++device.nextSum;
  device.summing = false;
  advanceSums(d);
  if (++sums[index].parts % int64_t(link.devices.size()) != 0)
    return;
  ++sums[index].completed;
  for (int64_t member : link.devices)
    wake(member);
}

void Simulator::arriveAtNorm(size_t d) {
  Device &device = devices[d];
  device.state = State::AtNorm;
  wait(d);
  Step &norm = arrived[device.step];
  norm.time = std::max(norm.time, now + times.toFirst[d]);
  if (++norm.devices < int64_t(devices.size()))
    return;
  double late = processOf[d] == processOf[0] ? 0 : lateness(0);
  for (size_t other = 0; other < devices.size(); ++other)
    at(norm.time + late + times.fromFirst[other], {Timer::ResultThere, other});
}

void Simulator::expire(const Timer &timer) {
  switch (timer.kind) {
  case Timer::MessageThere:
    return messageThere(timer.number);
  case Timer::MessageNoticed:
    return completeMessage(timer.number);
  case Timer::ResultThere:
    at(now + (processOf[timer.number] == processOf[0] ? 0 : lateness(timer.number)),
       {Timer::Released, timer.number});
    return;
  case Timer::Released:
    endWait(timer.number);
    devices[timer.number].state = State::Ready;
    ++devices[timer.number].next;
    return wake(timer.number);
  }
}

Prediction Simulator::run() {
  feed();
  for (double next; (next = nextTime()) != Processors::never;) {
    now = next;
    for (Processors &pool : pools)
      pool.advance(now);
    while (!timers.empty() && timers.begin()->first <= now) {
      Timer timer = timers.begin()->second;
      timers.erase(timers.begin());
      expire(timer);
    }
    for (Processors &pool : pools)
      endWork(pool);
    while (!awake.empty()) {
      size_t d = awake.back();
      awake.pop_back();
      advance(d);
    }
  }
  return result();
}

/// When something happens next.
double Simulator::nextTime() const {
  double next = timers.empty() ? Processors::never : timers.begin()->first;
  for (const Processors &pool : pools)
    next = std::min(next, pool.nextEnd());
  return next;
}

void Simulator::endWork(Processors &pool) {
  for (int64_t d; (d = pool.takeEnded(Processors::Normal)) >= 0;) {
    if (d == int64_t(devices.size())) {
      submit();
      continue;
    }
    finishInstruction(d);
    wake(d);
  }
  for (int64_t d; (d = pool.takeEnded(Processors::Low)) >= 0;)
    finishPart(d);
}

Prediction Simulator::result() {
  int64_t last = steps - 1, first = last - measured;
  double count = measured;
  prediction.firstEnd = ends.front().time;
  prediction.step = (ends[last].time - ends[first].time) / count;
  for (const Device &device : devices)
    prediction.idle.push_back(
        (device.waitedBy[last] - device.waitedBy[first]) / count);
  return std::move(prediction);
}

double Prediction::bubble() const {
  double all = step * double(idle.size());
  return all > 0 ? std::accumulate(idle.begin(), idle.end(), 0.0) / all : 0;
}

Prediction bitpipe::predict(const Program &program, const Links &links,
                            const WorkTimes &times,
                            const PredictOptions &options) {
  return Simulator(program, links, times, options).run();
}
