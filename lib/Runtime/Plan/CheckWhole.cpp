//===- CheckWhole.cpp - What is there for a part of a step ----------------===//

#include "lib/Runtime/Plan/CheckWhole.h"

#include "lib/Runtime/Error.h"

#include <algorithm>
#include <map>

using namespace bitpipe;

namespace {

/// Walks a list with what has been written in the memory that slots share.
class WholeChecker {
public:
  WholeChecker(const Program &program, size_t number)
      : program(program), device(program.devices[number]), number(number),
        isSummed(device.slots.size()), isFilled(device.slots.size()) {
    for (const Instruction &op : device.instructions)
      if (auto *all = std::get_if<Collective>(&op); all && all->own) {
        hasSlices = true;
        isSummed[all->slot] = all->kind == Collective::ReduceScatter;
      }
    for (const Resident &resident : device.residents)
      hasSlices |= bool(resident.sliceBegin);
  }

  void check() {
    for (const Instruction &op : device.instructions) {
      now = &op;
      if (hasSlices)
        std::visit(*this, op);
    }
  }

  void operator()(const Execute &op) {
    const std::vector<bool> &writes = program.routines[op.routine].writes;
    for (size_t i = 0; i < op.slots.size(); ++i) {
      int64_t slot = op.slots[i];
      if (isSummed[slot] && !isFilled[slot])
        failHere("adds to gradients that are not cleared before");
      if (!writes[i] && isShared(slot) && !isFilled[slot])
        failHere(joined("reads slot ", slot, ", in which nothing is: weights that are not gathered, or "
                        "what no run has made"));
    }
    for (size_t i = 0; i < op.slots.size(); ++i)
      if (writes[i] && !isSummed[op.slots[i]])
        fill(op.slots[i]);
  }
  void operator()(const Clear &op) {
    if (!isSummed[op.slot])
      failHere("clears what is not summed into slices");
    fill(op.slot);
  }
  void operator()(const Collective &op) {
    if (!op.own)
      return;
    if (op.kind == Collective::AllGather)
      return fill(op.slot);
    if (!isFilled[op.slot])
      failHere("sums gradients that are not cleared before runs add to them");
    overwrite(op.slot); // as nothing may be added any more
  }
  void operator()(const Receive &op) { fill(op.slot); }
  void operator()(const auto &) {} // touches none of the memory that slots share

private:
  bool isShared(int64_t slot) const {
    return device.slots[slot].source == SlotSource::Arena && device.slots[slot].size > 0;
  }

  void fill(int64_t slot) {
    if (!isShared(slot))
      return;
    overwrite(slot);
    isFilled[slot] = true;
    filled[device.slots[slot].offset] = slot;
  }

  /// What shares memory with a slot is there no more. What is there overlaps nowhere.
  void overwrite(int64_t slot) {
    const Slot &mine = device.slots[slot];
    auto it = filled.lower_bound(mine.offset);
    if (it != filled.begin() && endOf(std::prev(it)->second) > mine.offset)
      --it;
    while (it != filled.end() && it->first < mine.offset + mine.size) {
      isFilled[it->second] = false;
      it = filled.erase(it);
    }
  }
  int64_t endOf(int64_t slot) const {
    return device.slots[slot].offset + device.slots[slot].size;
  }

  [[noreturn]] void failHere(const std::string &what) {
    fail(program.path, ": error: device ", number, ": '", text(*now), "' ", what);
  }

  const Program &program;
  const DeviceList &device;
  size_t number;
  bool hasSlices = false;
  std::vector<bool> isSummed, isFilled; // by slot
  std::map<int64_t, int64_t> filled;    // slots by their offset
  const Instruction *now = nullptr;
};

} // namespace

void bitpipe::checkWhole(const Program &program, size_t device) {
  WholeChecker(program, device).check();
}
