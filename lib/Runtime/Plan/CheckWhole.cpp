//===- CheckWhole.cpp - What is there for a part of a step ----------------===//

#include "lib/Runtime/Plan/CheckWhole.h"

#include "lib/Runtime/Error.h"

#include <algorithm>

using namespace bitpipe;

namespace {

/// Walks a list with what is in the slots that all slices of a group are gathered or summed in.
class WholeChecker {
public:
  WholeChecker(const Program &program, size_t number)
      : program(program), device(program.devices[number]), number(number),
        sorts(device.slots.size(), Other), isFilled(device.slots.size()) {
    for (const Instruction &op : device.instructions)
      if (auto *all = std::get_if<Collective>(&op); all && all->own)
        sorts[all->slot] = all->kind == Collective::AllGather ? Weights : Gradients;
  }

  void check() {
    for (const Instruction &op : device.instructions) {
      now = &op;
      std::visit(*this, op);
    }
  }

  void operator()(const Execute &op) {
    const std::vector<bool> &writes = program.routines[op.routine].writes;
    for (size_t i = 0; i < op.slots.size(); ++i) {
      int64_t slot = op.slots[i];
      if (sorts[slot] != Other && !isFilled[slot])
        failHere(sorts[slot] == Weights ? "reads weights that are not gathered"
                                        : "adds to gradients that are not cleared");
      if (writes[i] && sorts[slot] != Gradients)
        overwrite(slot);
    }
  }
  void operator()(const Clear &op) {
    if (sorts[op.slot] != Gradients)
      failHere("clears what no sum reads, expected gradients that are summed into slices");
    fill(op.slot);
  }
  void operator()(const Collective &op) {
    if (!op.own)
      return;
    if (op.kind == Collective::AllGather)
      return fill(op.slot);
    if (!isFilled[op.slot])
      failHere("sums gradients that are not cleared before runs add to them");
    isFilled[op.slot] = false; // as nothing may be added any more
  }
  void operator()(const Receive &op) { overwrite(op.slot); }
  void operator()(const auto &) {} // touches none of the memory that slots share

private:
  enum Sort { Other, Weights, Gradients };

  void fill(int64_t slot) {
    overwrite(slot);
    isFilled[slot] = true;
    filled.push_back(slot);
  }

  /// What shares memory with a slot that is written is there no more.
  void overwrite(int64_t slot) {
    const Slot &mine = device.slots[slot];
    std::erase_if(filled, [&](int64_t other) {
      const Slot &its = device.slots[other];
      bool isGone = mine.inArena() && mine.offset < its.offset + its.size &&
                    its.offset < mine.offset + mine.size;
      if (isGone)
        isFilled[other] = false;
      return isGone;
    });
  }

  [[noreturn]] void failHere(const char *what) {
    fail(program.path, ": error: device ", number, ": '", text(*now), "' ", what);
  }

  const Program &program;
  const DeviceList &device;
  size_t number;
  std::vector<Sort> sorts; // by slot
  std::vector<bool> isFilled;
  std::vector<int64_t> filled;
  const Instruction *now = nullptr;
};

} // namespace

void bitpipe::checkWhole(const Program &program, size_t device) {
  WholeChecker(program, device).check();
}
