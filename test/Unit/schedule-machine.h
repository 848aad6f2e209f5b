//===- schedule-machine.h - Runs a program on numbers ------------------------===//
//
// Messages carry values and no names, go as late as they can in the order of their channels, and
// devices hold no more than they may: whatever a program does in the wrong order shows in its
// gradients.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TEST_UNIT_SCHEDULE_MACHINE_H
#define BITPIPE_TEST_UNIT_SCHEDULE_MACHINE_H

#include "lib/Transforms/Schedule/Check/Check.h"
#include "lib/Transforms/Schedule/Simulate/Communicate.h"
#include "test/Unit/schedule-machine-end.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace bitpipe::schedule {

/// Runs a program with a number for every tensor. Fails by returning false.
class Machine {
public:
  Machine(const Program &program, const std::vector<Held> &limits)
      : program(program), limits(limits), ownGroup(ownGroups(program)),
        devices(program.devices.size()), channels(program.channels.size()) {
    const Placement &placement = program.placement;
    for (int stage = 0; placement.updates() && stage < placement.stages(); ++stage)
      for (int holder : placement.holders(stage))
        devices[holder].weights[stage][0] = firstWeights(stage);
  }

  bool run() {
    for (bool moved = true; moved;) {
      moved = false;
      for (size_t d = 0; d < devices.size(); ++d)
        while (!broken && step(int(d)))
          moved = true;
      moved = moved || exchange() || collect();
      if (broken)
        return false;
    }
    for (size_t d = 0; d < devices.size(); ++d)
      if (devices[d].position < program.devices[d].size() || !devices[d].started.empty())
        return false;
    return machine::hasRightNumbers(program, devices) && machine::allMessagesRead(channels);
  }

private:
  using Op = Instruction::Op;
  using Name = machine::Name;
  using Device = machine::Device;
  using Channel = machine::Channel;

  /// What a value becomes by the weights that the run reads, if there are several.
  std::optional<Value> weighted(Device &device, const Action &action, Value value) {
    if (!program.placement.updates())
      return value;
    auto &kept = device.weights[action.stage];
    auto found = kept.find(versionFor(program.placement, action.stage, action.microbatch));
    if (found == kept.end()) {
      fail();
      return std::nullopt;
    }
    return mix(value, found->second);
  }
  /// Makes the newest version of what gradients there are, and drops the oldest.
  bool updateBetween(Device &device, const Action &action) {
    if (machine::awaitsSums(program, device, action.stage))
      return false;
    auto &kept = device.weights[action.stage];
    if (kept.empty())
      return fail();
    auto [newest, value] = *kept.rbegin();
    std::optional<Value> next = machine::takeSums(program, device, action.stage, value);
    kept[newest + 1] = next.value_or(0);
    device.gradients[action.stage] = 0;
    int versions = program.placement.updates().versions[action.stage];
    std::erase_if(kept, [&](auto &one) { return one.first < newest + 2 - versions; });
    return next || fail();
  }

  bool recomputes(const Action &action) const { return program.placement.recomputes(action.stage); }

  /// What is made of an input is saved at once, or from the input that is kept.
  bool forward(Device &device, const Action &action, Value input) {
    int stage = action.stage, m = action.microbatch;
    std::optional<Value> made = weighted(device, action, mix(input, stage));
    if (!made)
      return false;
    device.values[{'F', stage, m}] = *made;
    if (recomputes(action))
      device.values[{'N', stage, m}] = input;
    else
      device.values[{'S', stage, m}] = *made;
    return true;
  }
  bool recompute(Device &device, const Action &action) {
    int stage = action.stage, m = action.microbatch;
    auto kept = device.values.find({'N', stage, m});
    if (kept == device.values.end())
      return fail();
    std::optional<Value> made = weighted(device, action, mix(kept->second, stage));
    if (!made)
      return false;
    device.values[{'S', stage, m}] = *made;
    device.values.erase(kept);
    return true;
  }

  /// Whether all that had to be sent by now has gone.
  bool hasSent(int d) {
    std::erase_if(devices[d].due, [&](const std::pair<int, size_t> &message) {
      return channels[message.first].exchanged > message.second;
    });
    return devices[d].due.empty();
  }

  /// What moves away is gone from here at once, though its memory is free a run later.
  bool send(int d, const Instruction &instruction) {
    Device &device = devices[d];
    const Action &action = instruction.action;
    bool moves = isMove(action.kind);
    std::optional<Value> value;
    if (moves) {
      value = read(device, machine::sourceOf(action));
    } else if (auto it = device.values.find(machine::nameOf(action)); it != device.values.end()) {
      value = it->second;
    } else {
      return fail();
    }
    if (!value)
      return false;
    size_t number = start(d, instruction, {d, true, machine::nameOf(action), *value});
    if (moves) {
      device.leaving.push_back({instruction.channel, number});
      device.leavingHost += machine::isOfHost(d, instruction);
      device.values.erase(machine::sourceOf(action));
    }
    return true;
  }

  bool receive(int d, const Instruction &instruction) {
    Device &device = devices[d];
    const Action &action = instruction.action;
    if (!isMove(action.kind))
      machine::occupy(device, machine::nameOf(action), limits[d].receives);
    else if (machine::isOfHost(d, instruction) ? ++device.onHost > limits[d].onHost
                                               : ++device.activations > limits[d].activations)
      return fail();
    ++device.expected[machine::nameOf(action)];
    start(d, instruction, {d, false, machine::nameOf(action)});
    return true;
  }

  /// Takes memory for what is to be sent. Where that lacks, what can go goes first.
  void hold(int d, Name made) {
    if (int(devices[d].outgoing.size()) >= limits[d].sends)
      exchange();
    machine::makeRoom(devices[d], made, limits[d].sends);
  }

  /// Puts an end behind those of its channel; the number of these.
  size_t start(int d, const Instruction &instruction, machine::End end) {
    Channel &channel = channels[instruction.channel];
    bool isFirst = isFirstEnd(program, d, instruction);
    (isFirst ? channel.first : channel.other).push_back(end);
    return devices[d].ends[{instruction.channel, isFirst}]++;
  }

  bool step(int d) {
    Device &device = devices[d];
    if (device.position >= program.devices[d].size())
      return false;
    const Instruction &instruction = program.devices[d][device.position];
    bool done = true;
    if (actionOf(instruction) && !hasSent(d))
      return false;
    bool ofShards = instruction.op == Op::Run && isOfShards(instruction.action.kind);
    if (ofShards)
      done = share(device, instruction.action);
    else if (instruction.op == Op::Run)
      done = hasWhole(device, instruction.action) && compute(device, instruction.action) &&
             keep(device, instruction.action, limits[d].activations);
    bool leaves = instruction.op == Op::Run && receiver(program.placement, instruction.action) >= 0;
    if (done && leaves)
      hold(d, machine::madeBy(instruction.action));
    if (instruction.op == Op::Send)
      done = send(d, instruction);
    if (instruction.op == Op::Recv)
      done = receive(d, instruction);
    if (instruction.op == Op::Unshard && !device.updated.count(instruction.group))
      return fail(); // there is nothing to give
    if (done && instruction.isCollective())
      device.started.push_back(instruction);
    if (instruction.op == Op::Update)
      done = update(device, instruction.group);
    device.position += done;
    return done;
  }

  /// Whether the weights that a run reads are there, which it waits for while they come.
  bool hasWhole(Device &device, const Action &action) {
    if (!program.placement.gathers())
      return true;
    if (device.gathering[action.stage] > 0)
      return false;
    return device.whole.count(action.stage) || fail();
  }

  /// Gathers, drops or scatters. Memory that was scattered takes no gradients any more.
  bool share(Device &device, const Action &action) {
    if (action.kind == Kind::A)
      return ++device.gathering[action.stage];
    if (action.kind == Kind::D) {
      if (!hasWhole(device, action))
        return false;
      device.whole.erase(action.stage);
      return true;
    }
    Value gradient = device.gradients[action.stage];
    return device.scattering.try_emplace(action.stage, gradient).second || fail();
  }

  /// Keeps or frees the activations of a run.
  bool keep(Device &device, const Action &action, double limit) {
    bool saves = recomputes(action) ? action.kind == Kind::R : action.kind == Kind::F;
    device.activations += saves;
    bool fits = device.activations <= limit;
    device.activations -= makesWeightGradient(action.kind);
    device.activations -= double(device.leaving.size()) - device.leavingHost;
    device.onHost -= std::exchange(device.leavingHost, 0);
    device.due = std::exchange(device.leaving, {});
    return fits || fail();
  }

  /// Reads a tensor; waits while it is on its way.
  std::optional<Value> read(Device &device, Name needed) {
    if (device.expected[needed] > 0)
      return std::nullopt;
    auto it = device.values.find(needed);
    if (it == device.values.end() || device.overwritten.count(needed)) {
      fail();
      return std::nullopt;
    }
    std::erase(device.buffers, needed);
    return it->second;
  }

  bool compute(Device &device, const Action &action) {
    int stage = action.stage, m = action.microbatch;
    int last = program.placement.stages() - 1;
    if (action.kind == Kind::F) {
      std::optional<Value> input =
          stage ? read(device, {'F', stage - 1, m}) : Value(m);
      return input && forward(device, action, *input);
    }
    if (action.kind == Kind::R)
      return recompute(device, action);
    if (action.kind == Kind::U)
      return updateBetween(device, action);
    if (action.kind == Kind::W) {
      std::optional<Value> gradient = read(device, {'B', stage, m});
      return gradient && addGradient(device, stage, *gradient);
    }
    std::optional<Value> saved = read(device, {'S', stage, m});
    std::optional<Value> output =
        stage < last ? read(device, {'B', stage + 1, m}) : Value(1);
    if (!saved || !output)
      return false;
    std::optional<Value> gradient = weighted(device, action, mix(*saved, *output));
    if (!gradient)
      return false;
    device.values[{'B', stage, m}] = *gradient;
    return action.kind != Kind::B || addGradient(device, stage, *gradient);
  }

  bool addGradient(Device &device, int stage, Value gradient) {
    if (device.scattering.count(stage))
      return fail();
    device.gradients[stage] += gradient;
    return true;
  }

  Value own(Device &device, int group) {
    Value total = 0;
    for (int stage : program.groups[group].stages)
      total += device.gradients[stage];
    return total;
  }

  bool update(Device &device, int group) {
    bool shared = program.groups[group].devices.size() > 1;
    if (shared && !device.summed.count(group))
      return false;
    if (device.updated.count(group))
      return fail();
    device.updated[group] = shared ? device.summed[group] : own(device, group);
    return true;
  }

  bool exchange() {
    bool moved = false;
    for (Channel &channel : channels)
      while (!channel.first.empty() && !channel.other.empty()) {
        const machine::End &one = channel.first.front(), &other = channel.other.front();
        if (one.isSend == other.isSend)
          break; // each waits for the other's
        transfer(one.isSend ? one : other, one.isSend ? other : one);
        ++channel.exchanged;
        channel.first.pop_front();
        channel.other.pop_front();
        moved = true;
      }
    return moved;
  }

  /// Of what was written over meanwhile something else arrives.
  void transfer(const machine::End &from, const machine::End &to) {
    Device &sender = devices[from.device], &receiver = devices[to.device];
    receiver.values[to.name] = sender.lost.count(from.name) ? mix(from.value, -1) : from.value;
    --receiver.expected[to.name];
    std::erase(sender.outgoing, from.name);
  }

  bool collect() {
    for (Device &device : devices) {
      if (device.started.empty() || !isNext(device.started.front()))
        continue;
      Instruction next = device.started.front();
      next.op == Op::Run ? exchangeSlices(next.action)
      : next.op == Op::Reduce ? sum(next.group)
                              : gather(next.group);
      return true;
    }
    return false;
  }

  bool isNext(const Instruction &next) {
    const std::vector<int> &members = program.groups[groupOf(next, ownGroup)].devices;
    return std::ranges::all_of(members, [&](int member) {
      return !devices[member].started.empty() && devices[member].started.front().isLike(next);
    });
  }

  void exchangeSlices(const Action &action) {
    int stage = action.stage, group = ownGroup[stage];
    Value total = 0;
    for (int member : program.groups[group].devices)
      if (action.kind == Kind::S)
        total += devices[member].scattering[stage];
    for (int member : program.groups[group].devices) {
      Device &device = devices[member];
      device.started.pop_front();
      if (action.kind == Kind::S) {
        device.summed[group] = total;
      } else if (--device.gathering[stage] == 0) {
        device.whole.insert(stage);
      }
    }
  }

  void sum(int group) {
    Value total = 0;
    for (int member : program.groups[group].devices)
      total += own(devices[member], group);
    for (int member : program.groups[group].devices) {
      devices[member].summed[group] = total;
      devices[member].started.pop_front();
    }
  }

  void gather(int group) {
    for (int member : program.groups[group].devices) {
      devices[member].gathered.insert(group);
      devices[member].started.pop_front();
    }
  }

  bool fail() {
    broken = true;
    return false;
  }

  const Program &program;
  const std::vector<Held> &limits;
  const std::vector<int> ownGroup; // by stage
  std::vector<Device> devices;
  std::vector<Channel> channels; // as the program has them
  bool broken = false;
};

} // namespace bitpipe::schedule

#endif // BITPIPE_TEST_UNIT_SCHEDULE_MACHINE_H
