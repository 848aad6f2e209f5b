//===- Simulator.cpp - What devices do, and when ----------------------------===//

#include "lib/Runtime/Plan/Simulator.h"

#include <algorithm>

using namespace bitpipe;

Simulator::Simulator(const Program &program, const Links &links,
                     const WorkTimes &times, const PredictOptions &options)
    : program(program), links(links), times(times),
      steps(std::max(filling + measured, options.tracedSteps)),
      traced(options.tracedSteps), devices(program.devices.size()),
      messages(links.messages.size()), collectives(links.collectives.size()),
      processOf(devices.size()), ends(steps), norms(steps) {
  if (!options.processes.empty())
    processOf = options.processes;
  lastNews.resize(1 + std::ranges::max(processOf));
  for (size_t i = 0; i < messages.size() && !options.eagerBytes.empty(); ++i) {
    const MessageLink &link = links.messages[i];
    messages[i].eager =
        leavesUnasked(options.eagerBytes[processOf[link.from]], processOf[link.to], link.bytes);
  }
  pools.emplace_back(0);
  for (const Machine &machine : options.machines) {
    for (size_t d : machine.devices)
      devices[d].pool = pools.size();
    pools.emplace_back(machine.processors);
  }
}

void Simulator::record(PredictedEvent::Kind kind, size_t d, size_t instruction,
                       double begin, double end) {
  if (devices[d].step < traced && end > begin)
    prediction.events.push_back({kind, d, instruction, begin, end});
}

bool Simulator::isComplete(size_t d, const Wait &wait, int64_t step) const {
  int64_t needed = step + 1 - wait.previousStep;
  if (wait.kind != Wait::Message)
    return collectives[wait.index].completed >= needed;
  const Message &message = messages[wait.index];
  bool hasLeft = message.eager && links.messages[wait.index].from == int64_t(d);
  return (hasLeft ? message.sent : message.completed) >= needed;
}

/// Whether nothing holds the device at its next instruction or step.
bool Simulator::mayBegin(size_t d) {
  const Device &device = devices[d];
  if (device.state == State::BetweenSteps)
    return device.step < submitted;
  const DeviceLinks &mine = links.devices[d];
  bool atEnd = device.next == list(d).size();
  for (const Wait &wait : atEnd ? mine.atEnd : mine.waits[device.next])
    if (!isComplete(d, wait, device.step))
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
  if (std::holds_alternative<Collective>(list(d)[i])) {
    ++device.startedCollectives;
    advanceCollectives(d);
  } else if (int64_t started = links.devices[d].starts[i]; started >= 0) {
    startMessage(d, started, std::holds_alternative<Transmit>(list(d)[i]));
  }
}

void Simulator::endStep(size_t d) {
  Device &device = devices[d];
  record(PredictedEvent::Step, d, device.step, device.stepBegin, now);
  device.waitedBy.push_back(device.waited);
  Gathering &end = ends[device.step];
  end.time = now;
  device.state = State::BetweenSteps;
  device.next = 0;
  ++device.step;
  if (++end.devices < int64_t(devices.size()))
    return;
  ++mayFeed;
  feed();
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
  case Timer::Submitted:
    return submit();
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
      exchangeNews();
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
