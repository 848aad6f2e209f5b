//===- WorkTimes.h - What everything in a step takes -----------------------===//
//
// Costs are per stage and pair of devices; here they are spread over what a program
// does. In seconds.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_PLAN_WORKTIMES_H
#define BITPIPE_RUNTIME_PLAN_WORKTIMES_H

#include "lib/Runtime/Plan/Links.h"
#include "lib/Transforms/Schedule/Core/Costs.h"

#include <string>

namespace bitpipe {

struct WorkTimes {
  /// By device and instruction. What an instruction starts takes its own time.
  std::vector<std::vector<double>> instructions;
  /// By their numbers in Links.
  std::vector<schedule::MessageTime> messages;
  std::vector<double> copies; // the whole of these, which a copy to the host takes
  std::vector<double> collectives;
  /// By device: how long its part of the gradient norm travels to device 0, and
  /// the result from there.
  std::vector<double> toFirst, fromFirst;
  /// Reading the data of a step, which begins when the step two before it has ended.
  double feed = 0;
};

/// Stages of a program, counted by the runs it has.
int64_t stageCount(const Program &program);

/// Which model a program trains, for costs that are of one.
std::string modelHash(const Program &program);

/// Throws a UserError that begins with `source` unless costs are for the program's model, and for
/// all of its stages and devices.
void checkCosts(const schedule::Costs &costs, const Program &program,
                const std::string &source);

/// Whether a forward has nothing to do: its stage recomputes, and computes the loss with its input
/// gradient.
bool isEmptyForward(const Program &program, const Execute &op);

/// The step of the parameters whose gradients lie in a slot; null for other slots.
const Step *stepOfGradients(const DeviceList &device, int64_t slot);
/// What a range is of the elements of a step: the costs of a group are those of all.
double shareOf(const Range &range, const Step &step);
/// The same of a sum: half of it is a sum of slices, half a gather of them, or less of fewer bytes.
double shareOf(const CollectiveLink &link);

/// The costs must have passed checkCosts.
WorkTimes workTimes(const Program &program, const Links &links,
                    const schedule::Costs &costs);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_PLAN_WORKTIMES_H
