//===- DeviceLayout.cpp - What a device's memory on a GPU holds ----------------===//

#include "lib/Runtime/CUDA/DeviceLayout.h"

#include "lib/Runtime/CUDA/Kernels/Shared.h"
#include "lib/Runtime/CUDA/Products.h"
#include "lib/Runtime/Plan/Decay.h"

#include <algorithm>

using namespace bitpipe;

namespace {

/// Places one after the other, each at a multiple of what every GPU likes.
class Places {
public:
  int64_t take(int64_t bytes) {
    int64_t begin = end;
    end += (bytes + unit - 1) / unit * unit;
    return begin;
  }
  int64_t bytes() const { return end; }

private:
  static constexpr int64_t unit = 256;
  int64_t end = 0;
};

/// A device's squares and its bad index, then a loss and a count for each loss slot, in
/// two steps: a block for each device, all of one size.
void placeNumbers(DeviceLayout &layout, const Program &program) {
  std::vector<int64_t> losses(program.microbatches);
  for (const DeviceList &device : program.devices) {
    auto mine = std::ranges::count(device.slots, SlotSource::Loss, &Slot::source);
    layout.numberCount = std::max(layout.numberCount, 2 + 2 * int64_t(mine));
  }
  // Devices write to lines of memory of their own.
  layout.numberCount = (layout.numberCount + 31) / 32 * 32;
  for (const DeviceList &device : program.devices) {
    int64_t begin = 2 * layout.numberCount * int64_t(layout.numberBegins.size());
    layout.numberBegins.push_back(begin);
    for (const Slot &slot : device.slots)
      if (slot.source == SlotSource::Loss)
        losses[slot.microbatch] = begin += 2;
  }
  layout.numberPlaces = layout.numberBegins;
  layout.numberPlaces.insert(layout.numberPlaces.end(), losses.begin(), losses.end());
}

/// Gradients of updates between micro-batches are cleared before the norm is taken.
void placePartials(DeviceLayout &layout, const DeviceList &device) {
  layout.partialCount = 0;
  for (const Instruction &op : device.instructions) {
    layout.partialBegins.push_back(layout.partialCount);
    if (auto *norm = std::get_if<GradNorm>(&op))
      for (const Range &range : norm->ranges)
        layout.partialCount += gpu::chunksOf(range.count());
    if (auto *step = std::get_if<Step>(&op); step && step->isBetween())
      layout.partialCount += gpu::chunksOf(step->counted.count());
  }
}

void placeUndecayed(DeviceLayout &layout, const DeviceList &device) {
  for (const Instruction &op : device.instructions)
    if (auto *step = std::get_if<Step>(&op);
        step && !layout.undecayedIn.contains(step->weights)) {
      auto begin = int64_t(layout.undecayed.size());
      for (const Range &range : undecayedIn(device, step->weights))
        layout.undecayed.push_back(range);
      layout.undecayedIn[step->weights] = {begin, int64_t(layout.undecayed.size())};
    }
}

} // namespace

DeviceLayout::DeviceLayout(const Program &program, const DeviceList &device,
                           int64_t scratchBytes)
    : arena(device.arena) {
  Places step;
  settings = step.take(sizeof(gpu::StepSettings));
  begun = step.take(sizeof(uint32_t));
  seed = step.take(2 * sizeof(float));
  seeds = step.take(program.updateEvery ? program.updatesPerStep() * int64_t(sizeof(float)) : 0);
  for (size_t i = 0; i < device.slots.size(); ++i) {
    const Slot &slot = device.slots[i];
    if (slot.source == SlotSource::Key)
      keySlots.push_back(int64_t(i));
    if (slot.source == SlotSource::Loss)
      lossOffsets.push_back(slot.offset);
  }
  keys = step.take(int64_t(keySlots.size()) * int64_t(sizeof(uint64_t)));
  for (const Slot &slot : device.slots)
    if (slot.source == SlotSource::Input && !inputs.contains({slot.input, slot.microbatch})) {
      int64_t size = program.inputs[slot.input].type.bytes();
      inputs[{slot.input, slot.microbatch}] = {step.take(size), size};
    }
  givenBytes = step.bytes();

  placeNumbers(*this, program);
  placePartials(*this, device);
  placeUndecayed(*this, device);
  Places all;
  all.take(arena);
  given = all.take(givenBytes);
  verdict = all.take(sizeof(gpu::Verdict));
  between = all.take(sizeof(gpu::Verdict));
  numbers = all.take(2 * numberCount * int64_t(program.devices.size() * sizeof(double)));
  partials = all.take(partialCount * int64_t(sizeof(double)));
  places = all.take(int64_t(numberPlaces.size() * sizeof(int64_t)));
  losses = all.take(int64_t(lossOffsets.size() * sizeof(int64_t)));
  spans = all.take(int64_t(undecayed.size() * sizeof(gpu::Elements)));
  scratch = all.take(scratchBytes);
  workspace = all.take(Products::workspaceBytes);
  bytes = all.bytes();
}
