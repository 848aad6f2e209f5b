//===- Simulator.h - Goes through a training without computing --------------===//
//
// Every device walks its list as DeviceRunner does: it waits for what an instruction
// touches, works, and starts a message or sum, or gives its part of the norm. Events
// come in the order of time, and each wakes only those that may wait for it.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_PLAN_SIMULATOR_H
#define BITPIPE_RUNTIME_PLAN_SIMULATOR_H

#include "lib/Runtime/Plan/Predict.h"
#include "lib/Runtime/Plan/Processors.h"

#include <map>
#include <tuple>

namespace bitpipe {

class Simulator {
public:
  Simulator(const Program &program, const Links &links, const WorkTimes &times,
            const PredictOptions &options);

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
    // Its collectives run one after the other, beside its work.
    size_t startedCollectives = 0, nextCollective = 0;
    bool inCollective = false; // stands at one, or works on its part
  };
  struct Message {
    bool eager = false; // leaves before it is asked for
    int64_t sent = 0, asked = 0, arrived = 0, completed = 0;
  };
  struct Meeting {
    int64_t arrived = 0, parts = 0, completed = 0; // members, over all steps
  };
  /// What all devices come to once in a step: how many have, and when the last did.
  struct Gathering {
    int64_t devices = 0;
    double time = 0;
  };
  struct Timer {
    enum Kind { MessageThere, MessageNoticed, ResultThere, Released, Submitted } kind;
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
  bool isComplete(size_t d, const Wait &wait, int64_t step) const;
  void wait(size_t d);
  void endWait(size_t d);
  void finishInstruction(size_t d);
  void endStep(size_t d);
  // What they start
  void startMessage(size_t d, size_t index, bool sends);
  void transmit(size_t index);
  double lateness(size_t d) const;
  void messageThere(size_t index);
  void completeMessage(size_t index);
  void advanceCollectives(size_t d);
  void finishPart(size_t d);
  void arriveAtNorm(size_t d);
  void feed();
  void exchangeNews();
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
  std::vector<Meeting> collectives;
  std::map<std::tuple<int64_t, int64_t, bool>, double> linkFree; // by from and to; the way back from a host apart
  std::vector<size_t> processOf; // by device
  std::vector<double> lastNews;  // of each process's network
  std::vector<Gathering> ends, norms; // by step
  int64_t fed = 0, mayFeed = 2, submitted = 0; // steps
  double now = 0;
  std::vector<Processors> pools;
  std::multimap<double, Timer> timers;
  std::vector<size_t> awake;
  Prediction prediction;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_PLAN_SIMULATOR_H
