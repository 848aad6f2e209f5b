//===- StageSizes.cpp - What stages keep and send, in bytes ----------------===//

#include "lib/Runtime/Plan/StageSizes.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

using namespace bitpipe;

namespace {

/// The runs of a device, by stage and micro-batch.
class DeviceRuns {
public:
  explicit DeviceRuns(const DeviceList &device) : device(device) {
    for (const Instruction &op : device.instructions)
      if (auto *all = std::get_if<Collective>(&op); all && all->own)
        wholes.insert(all->slot);
    for (const Instruction &op : device.instructions)
      if (auto *run = std::get_if<Execute>(&op))
        for (int64_t slot : run->slots)
          slots[{run->run.stage, run->run.microbatch, partOf(run->run.kind)}].insert(slot);
  }

  /// Bytes that a forward, or the recomputation, shares with the gradients of its
  /// micro-batch.
  int64_t activation(int64_t stage, int64_t microbatch, bool recomputes) const {
    return shared({stage, microbatch, recomputes ? Recomputation : Forward},
                  {stage, microbatch, Gradients});
  }
  /// Bytes that a forward shares with that of the next stage on the device.
  int64_t handedOn(int64_t stage, int64_t microbatch) const {
    return shared({stage, microbatch, Forward}, {stage + 1, microbatch, Forward});
  }

private:
  enum Part { Forward, Recomputation, Gradients };
  using Key = std::tuple<int64_t, int64_t, Part>; // stage, micro-batch

  static Part partOf(char kind) {
    return kind == 'F' ? Forward : kind == 'R' ? Recomputation : Gradients;
  }

  int64_t shared(Key one, Key other) const {
    auto a = slots.find(one), b = slots.find(other);
    if (a == slots.end() || b == slots.end())
      return 0;
    int64_t bytes = 0;
    for (int64_t slot : a->second)
      if (SlotSource source = device.slots[slot].source;
          (source == SlotSource::Arena || source == SlotSource::Message) &&
          b->second.count(slot) && !wholes.count(slot))
        bytes += device.slots[slot].size;
    return bytes;
  }

  const DeviceList &device;
  std::map<Key, std::set<int64_t>> slots;
  std::set<int64_t> wholes; // weights and gradients that are there for a while
};

} // namespace

/// Of the copies in bf16 that a device holds of all, or of its slice, all.
static int64_t copyBytes(const DeviceList &device, const Step &step) {
  if (!step.working)
    return 0;
  return step.weightsAt ? step.workingElements * sizeOf(StoredFloat::BF16)
                        : device.slots[*step.working].size;
}

/// What all that is sharded takes on a device that holds all of it.
static int64_t stateBytes(const DeviceList &device, const Step &step) {
  int64_t all = step.elements * int64_t(sizeof(float));
  int64_t bytes = step.weightsAt ? all : device.slots[step.weights].size;
  bytes += step.gradientsAt ? all : device.slots[step.gradients].size;
  for (auto moment : {step.moment1, step.moment2})
    if (moment)
      bytes += step.sharded ? all : device.slots[*moment].size;
  return bytes + copyBytes(device, step);
}

static int64_t ownBytes(const DeviceList &device, const Step &step) {
  int64_t bytes = device.slots[step.weights].size + device.slots[step.gradients].size;
  for (auto slot : {step.moment1, step.moment2, step.working})
    if (slot)
      bytes += device.slots[*slot].size;
  return bytes;
}

/// What keeping a version of the weights takes.
static int64_t versionBytes(const DeviceList &device, const Step &step) {
  int64_t weights = step.weightsAt ? step.elements * int64_t(sizeof(float))
                                   : device.slots[step.weights].size;
  return weights + copyBytes(device, step);
}

/// Where there are copies in bf16, which are no gradients and are gathered in the place of what they
/// are of.
static void setSliceBytes(const Step &step, schedule::StageCost &cost) {
  if (!step.workingElements)
    return;
  cost.gradients = double(step.elements) * sizeof(float);
  cost.gathered = cost.gradients - double(step.workingElements * sizeOf(StoredFloat::BF16));
}

/// Most activations at once, as a schedule counts them: from a forward to the last
/// gradient, or of a stage that recomputes its input up to the recomputation; what is
/// evicted is elsewhere meanwhile.
static double peakActivation(const DeviceList &device, const schedule::Costs &costs) {
  std::set<int64_t> recomputed = recomputedStages(device);
  double alive = 0, most = 0, leaving = 0;
  for (const Instruction &op : device.instructions) {
    if (auto *send = std::get_if<Transmit>(&op); send && send->run.isMove())
      leaving += double(device.slots[send->slot].size);
    if (auto *receive = std::get_if<Receive>(&op); receive && receive->run.isMove())
      most = std::max(most, alive += double(device.slots[receive->slot].size));
    auto *run = std::get_if<Execute>(&op);
    if (!run || run->run.kind == 'I')
      continue;
    const schedule::StageCost &cost = costs.stages[run->run.stage];
    if (run->run.kind == 'F')
      alive += recomputed.count(run->run.stage) ? cost.input : cost.activation;
    else if (run->run.kind == 'R')
      alive += cost.activation - cost.input;
    else
      alive -= cost.activation;
    most = std::max(most, alive);
    alive -= std::exchange(leaving, 0);
  }
  return most;
}

void bitpipe::addSizes(const Program &program, const Links &links,
                       schedule::Costs &costs) {
  for (schedule::StageCost &stage : costs.stages)
    stage.activation = stage.input = stage.message = stage.state = stage.weights = 0;
  for (const DeviceList &device : program.devices) {
    DeviceRuns runs(device);
    std::set<int64_t> recomputed = recomputedStages(device);
    for (const Instruction &op : device.instructions)
      if (auto *run = std::get_if<Execute>(&op); run && run->run.kind == 'F') {
        auto [kind, stage, microbatch] = run->run;
        schedule::StageCost &cost = costs.stages[stage];
        int64_t activation =
            runs.activation(stage, microbatch, recomputed.count(stage));
        cost.activation = std::max(cost.activation, double(activation));
        cost.message =
            std::max(cost.message, double(runs.handedOn(stage, microbatch)));
      } else if (auto *step = std::get_if<Step>(&op); step && step->stages.size() == 1) {
        double &state = costs.stages[step->stages.front()].state;
        state = std::max(state, double(stateBytes(device, *step))); // slices may differ
        costs.stages[step->stages.front()].weights = double(versionBytes(device, *step));
        setSliceBytes(*step, costs.stages[step->stages.front()]);
      }
  }
  std::map<std::pair<int64_t, int64_t>, double> evicted; // by stage and micro-batch
  for (const MessageLink &message : links.messages) {
    auto [kind, stage, microbatch] = message.run;
    if (kind == 'F')
      costs.stages[stage].message = double(message.bytes);
    if (kind == 'E')
      costs.stages[stage].activation =
          std::max(costs.stages[stage].activation,
                   evicted[{stage, microbatch}] += double(message.bytes));
  }
  // What a forward reads, whether it is kept for a recomputation or not.
  for (size_t stage = 1; stage < costs.stages.size(); ++stage)
    costs.stages[stage].input = costs.stages[stage - 1].message;
  costs.buffers.clear();
  for (const DeviceList &device : program.devices) {
    double rest = double(device.arena) - peakActivation(device, costs);
    std::set<int64_t> stepped; // once each, however many steps there are
    for (const Instruction &op : device.instructions)
      if (auto *step = std::get_if<Step>(&op); step && step->stages.size() == 1)
        if (stepped.insert(step->stages.front()).second)
          rest -= double(ownBytes(device, *step));
    for (const Slot &slot : device.slots)
      if (slot.source == SlotSource::Stashed)
        rest -= double(slot.size);
    costs.buffers.push_back(std::max(rest, 0.0));
  }
}
