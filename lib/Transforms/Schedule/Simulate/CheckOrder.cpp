//===- CheckOrder.cpp - What must hold of an order -------------------------===//

#include "lib/Transforms/Schedule/Simulate/CheckOrder.h"

#include "lib/Transforms/Schedule/Check/Check.h"
#include "lib/Transforms/Schedule/Simulate/Communicate.h"
#include "lib/Transforms/Schedule/Simulate/Simulate.h"

using namespace bitpipe::schedule;

/// Fails where a pair cannot be one step.
static std::optional<Error> checkTogether(const Placement &placement, const Order &order) {
  Costs together;
  together.stages.front().pair = 1;
  ErrorOr<Timing> timing = simulate(placement, order, together);
  if (timing)
    return {};
  return Error{"with pairs that run at the same time " + timing.error().text +
               ", expected that neither of a pair waits for the other"};
}

std::optional<Error>
bitpipe::schedule::checkPairs(const Placement &placement, const Order &order) {
  bool hasPairs = false;
  for (size_t device = 0; device < order.size(); ++device)
    for (size_t i = 0; i < order[device].size(); ++i) {
      if (!order[device][i].overlapsNext)
        continue;
      hasPairs = true;
      bool isPair = i + 1 < order[device].size() &&
                    !order[device][i + 1].overlapsNext;
      const Action &first = order[device][i],
                   &second = order[device][isPair ? i + 1 : i];
      bool forwardAndBackward =
          (first.kind == Kind::F && makesInputGradient(second.kind)) ||
          (second.kind == Kind::F && makesInputGradient(first.kind));
      if (!isPair || !forwardAndBackward)
        return Error{"device " + std::to_string(device) + ": " +
                     toString(first) + " overlaps " +
                     (isPair ? toString(second) : "nothing, or another pair") +
                     ", expected pairs of a forward and a backward"};
    }
  return hasPairs ? checkTogether(placement, order) : std::nullopt;
}

std::optional<Error> bitpipe::schedule::checkOrder(const Schedule &schedule) {
  const Placement &placement = schedule.placement;
  const Order &order = schedule.order;
  Program runs = runsOf(placement, order);
  for (auto invariant : {checkNames, checkExactlyOnce, checkUpdates})
    if (Checked wrong = invariant(runs))
      return Error{wrong->text};
  // What moves too early or too late blocks nobody, or by what is far from it.
  if (Checked wrong = placement.moves() ? checkKept(runs) : std::nullopt)
    return Error{wrong->text};
  // Tells of an order that blocks in the order's own words.
  ErrorOr<Program> program = communicate(schedule);
  if (!program)
    return program.error();
  if (Checked wrong = check(*program))
    return Error{wrong->text};
  return checkPairs(placement, order);
}
