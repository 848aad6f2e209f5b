//===- StageSizes.cpp - What stages keep and send, in bytes ----------------===//

#include "lib/Runtime/Plan/StageSizes.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

using namespace bitpipe;

namespace {

/// The runs of a device, by stage and micro-batch.
class DeviceRuns {
public:
  explicit DeviceRuns(const DeviceList &device) : device(device) {
    for (const Instruction &op : device.instructions)
      if (auto *run = std::get_if<Execute>(&op))
        for (int64_t slot : run->slots)
          slots[{run->run.stage, run->run.microbatch, run->run.kind == 'F'}].insert(slot);
  }

  /// Bytes that a forward shares with the gradients of its micro-batch.
  int64_t activation(int64_t stage, int64_t microbatch) const {
    return shared({stage, microbatch, true}, {stage, microbatch, false});
  }
  /// Bytes that a forward shares with that of the next stage on the device.
  int64_t handedOn(int64_t stage, int64_t microbatch) const {
    return shared({stage, microbatch, true}, {stage + 1, microbatch, true});
  }

private:
  using Key = std::tuple<int64_t, int64_t, bool>; // stage, micro-batch, forward

  int64_t shared(Key one, Key other) const {
    auto a = slots.find(one), b = slots.find(other);
    if (a == slots.end() || b == slots.end())
      return 0;
    int64_t bytes = 0;
    for (int64_t slot : a->second)
      if (SlotSource source = device.slots[slot].source;
          (source == SlotSource::Arena || source == SlotSource::Message) &&
          b->second.count(slot))
        bytes += device.slots[slot].size;
    return bytes;
  }

  const DeviceList &device;
  std::map<Key, std::set<int64_t>> slots;
};

} // namespace

static int64_t stateBytes(const DeviceList &device, const Step &step) {
  int64_t bytes = device.slots[step.weights].size + device.slots[step.gradients].size;
  for (auto slot : {step.moment1, step.moment2, step.working})
    if (slot)
      bytes += device.slots[*slot].size;
  return bytes;
}

/// Most activations at once, as a schedule counts them: from a forward to the last
/// gradient.
static double peakActivation(const DeviceList &device,
                             const schedule::Costs &costs) {
  double alive = 0, most = 0;
  for (const Instruction &op : device.instructions) {
    auto *run = std::get_if<Execute>(&op);
    if (!run || run->run.kind == 'I')
      continue;
    double size = costs.stages[run->run.stage].activation;
    alive += run->run.kind == 'F' ? size : -size;
    most = std::max(most, alive);
  }
  return most;
}

void bitpipe::addSizes(const Program &program, const Links &links,
                       schedule::Costs &costs) {
  for (schedule::StageCost &stage : costs.stages)
    stage.activation = stage.message = stage.state = 0;
  for (const DeviceList &device : program.devices) {
    DeviceRuns runs(device);
    for (const Instruction &op : device.instructions)
      if (auto *run = std::get_if<Execute>(&op); run && run->run.kind == 'F') {
        auto [kind, stage, microbatch] = run->run;
        schedule::StageCost &cost = costs.stages[stage];
        cost.activation = std::max(cost.activation,
                                   double(runs.activation(stage, microbatch)));
        cost.message =
            std::max(cost.message, double(runs.handedOn(stage, microbatch)));
      } else if (auto *step = std::get_if<Step>(&op); step && step->stages.size() == 1) {
        costs.stages[step->stages.front()].state = double(stateBytes(device, *step));
      }
  }
  for (const MessageLink &message : links.messages)
    if (message.run.kind == 'F')
      costs.stages[message.run.stage].message = double(message.bytes);
  costs.buffers.clear();
  for (const DeviceList &device : program.devices) {
    double rest = double(device.arena) - peakActivation(device, costs);
    for (const Instruction &op : device.instructions)
      if (auto *step = std::get_if<Step>(&op); step && step->stages.size() == 1)
        rest -= costs.stages[step->stages.front()].state;
    costs.buffers.push_back(std::max(rest, 0.0));
  }
}
