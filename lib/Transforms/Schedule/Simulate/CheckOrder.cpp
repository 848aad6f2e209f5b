//===- CheckOrder.cpp - What must hold of an order -------------------------===//

#include "lib/Transforms/Schedule/Simulate/CheckOrder.h"

#include "lib/Transforms/Schedule/Check/Check.h"
#include "lib/Transforms/Schedule/Core/Effects.h"
#include "lib/Transforms/Schedule/Core/Turns.h"
#include "lib/Transforms/Schedule/Simulate/Communicate.h"

using namespace bitpipe::schedule;

namespace {
/// Walks an order in which the two runs of a pair are one step. Like a replay of
/// the order, it ends early where steps wait for each other.
class PairReplay {
public:
  PairReplay(const Placement &placement, const Order &order)
      : placement(placement), order(order), position(order.size()),
        made(tensorCount(placement)), halfMade(placement.moves() ? made.size() : 0),
        turns(order.size(), made.size()) {
    forEachGiven(placement, [&](int, const Tensor &given) {
      made[tensorKey(placement, given)] = true;
    });
  }

  std::optional<Error> run();

private:
  size_t stepSize(int device) const {
    return order[device][position[device]].overlapsNext ? 2 : 1;
  }
  /// The first tensor that the next step lacks, if any.
  std::optional<size_t> missing(int device) const;
  void advance(int device);

  const Placement &placement;
  const Order &order;
  std::vector<size_t> position;
  /// By tensorKey, what is made.
  std::vector<bool> made;
  /// Of what two actions make, what one has.
  std::vector<bool> halfMade;
  Turns turns;
};
} // namespace

std::optional<size_t> PairReplay::missing(int device) const {
  for (size_t i = 0; i < stepSize(device); ++i)
    for (const Tensor &tensor :
         effect(placement, order[device][position[device] + i]).reads)
      if (!made[tensorKey(placement, tensor)])
        return tensorKey(placement, tensor);
  return {};
}

void PairReplay::advance(int device) {
  const std::vector<Action> &list = order[device];
  while (position[device] < list.size()) {
    if (std::optional<size_t> input = missing(device)) {
      turns.waitFor(device, *input);
      return;
    }
    size_t begin = position[device], end = begin + stepSize(device);
    for (size_t i = begin; i < end; ++i)
      for (const Tensor &tensor : effect(placement, list[i]).makes) {
        size_t key = tensorKey(placement, tensor);
        if (isMoved(tensor.sort) && !halfMade[key]) {
          halfMade[key] = true;
          continue;
        }
        made[key] = true;
        turns.made(key);
      }
    position[device] = end;
  }
}

std::optional<Error> PairReplay::run() {
  turns.run([&](int device) { advance(device); });
  for (size_t device = 0; device < order.size(); ++device) {
    size_t at = position[device];
    if (at < order[device].size() && order[device][at].overlapsNext)
      return Error{"device " + std::to_string(device) + ": the pair of " +
                   toString(order[device][at]) + " and " +
                   toString(order[device][at + 1]) +
                   " cannot run at the same time, expected that neither waits "
                   "for the other"};
  }
  return {};
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
  return hasPairs ? PairReplay(placement, order).run() : std::nullopt;
}

std::optional<Error> bitpipe::schedule::checkOrder(const Schedule &schedule) {
  const Placement &placement = schedule.placement;
  const Order &order = schedule.order;
  Program runs = runsOf(placement, order);
  for (auto invariant : {checkNames, checkExactlyOnce, checkUpdates, checkMoves})
    if (Checked wrong = invariant(runs))
      return Error{wrong->text};
  // Tells of an order that blocks in the order's own words.
  ErrorOr<Program> program = communicate(schedule);
  if (!program)
    return program.error();
  if (Checked wrong = check(*program))
    return Error{wrong->text};
  return checkPairs(placement, order);
}
