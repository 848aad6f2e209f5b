//===- Sums.cpp - When gradients are summed --------------------------------===//

#include "lib/Transforms/Schedule/Simulate/Sums.h"

#include "lib/Transforms/Schedule/Simulate/Meetings.h"

#include <algorithm>

using namespace bitpipe::schedule;
using Op = Instruction::Op;

namespace {
/// The sums of a program or its unshards, which of what is updated in slices are one in two halves.
class Sums {
public:
  Sums(const Program &program, const Costs &costs, std::vector<double> free)
      : sharded(shardedGroups(program)),
        meetings(program.groups, int(program.devices.size()), costs, std::move(free)) {}

  /// A device has computed all that comes before its part.
  void start(int device, int group, double time) {
    meetings.start(device, sharded[group] ? Kind::S : Kind::U, group, /*position=*/0, time);
  }
  std::vector<SumTime> take() {
    std::vector<SumTime> times;
    for (Meetings::Done &done : meetings.take())
      times.push_back(std::move(done.time));
    return times;
  }

private:
  std::vector<bool> sharded; // by group
  Meetings meetings;
};
} // namespace

/// A sum waits for what is gathered and scattered before it, which has waited for no sum: those
/// come at the end, of parameters that stages share.
static void startSums(const Program &program, int device, const Timing &timing, Sums &sums) {
  size_t runs = 0; // and all other actions
  double met = 0;
  for (const Instruction &instruction : program.devices[device]) {
    runs += actionOf(instruction).has_value();
    if (instruction.op == Op::Run && instruction.isCollective())
      met = std::max(met, timing.arrival[device][runs - 1]);
    if (instruction.op == Op::Reduce)
      sums.start(device, instruction.group,
                 std::max(runs ? timing.end[device][runs - 1] : 0, met));
  }
}

std::vector<SumTime> bitpipe::schedule::simulateSums(const Program &program,
                                                     const Timing &timing,
                                                     const Costs &costs,
                                                     std::vector<double> free) {
  if (program.placement.updates())
    return timing.sums;
  Sums sums(program, costs, std::move(free));
  for (size_t device = 0; device < program.devices.size(); ++device)
    startSums(program, int(device), timing, sums);
  std::vector<SumTime> result = sums.take();
  result.insert(result.begin(), timing.scatters.begin(), timing.scatters.end());
  return result;
}

std::vector<SumTime>
bitpipe::schedule::simulateUnshards(const Program &program,
                                    const std::vector<std::vector<double>> &updated,
                                    const Costs &costs) {
  Sums sums(program, costs, {});
  for (size_t device = 0; device < program.devices.size(); ++device)
    for (const Instruction &instruction : program.devices[device])
      if (instruction.op == Op::Unshard)
        sums.start(int(device), instruction.group, updated[device][instruction.group]);
  return sums.take();
}
