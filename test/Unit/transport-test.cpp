//===- transport-test.cpp - What several ranks exchange ---------------------===//
//
// A program of four devices whose work is to write numbers: the devices' lists are
// walked by threads of this process that play 1 to 4 ranks, over a network between
// threads. Whatever the number of ranks, every device ends with the same bits.
//
//===----------------------------------------------------------------------===//

#include "test/Unit/local-network.h"

#include "lib/Runtime/Error.h"
#include "lib/Runtime/Execute/DeviceRunner.h"
#include "lib/Runtime/Transport/HostTransport.h"

#include <cstdlib>
#include <thread>

using namespace bitpipe;

namespace {

constexpr int64_t deviceCount = 4, messageBytes = 70'000;
/// Slices of several pieces that end within one.
constexpr int64_t gradientBytes = 3 * Collectives::pieceBytes + 12'340;
/// Of several pieces, too; devices have theirs in another order than their numbers.
constexpr int64_t slice = 2 * Collectives::pieceBytes / 4 + 320;
const std::vector<int64_t> mixed = {3, 1, 0, 2};
/// Elements that have copies of two bytes: of the first slice nearly all, of the second few, of the third none.
const std::vector<Range> copied = {{64, slice + 128}, {3 * slice, 4 * slice - 32}};
constexpr uint32_t stepCount = 6;

/// Three tensors pass through all devices, each of which adds its own; then every
/// device sums two gradients, one with its opposite and one with all, and a slice of a
/// third, with which it steps its slice of weights and makes copies of some. The next step reads the weights and copies of all.
Program makeProgram(int64_t devicesPerNode) {
  Program program;
  program.devicesPerNode = devicesPerNode;
  program.path = "test";
  program.loss = "labels";
  program.microbatches = deviceCount;
  program.routines.push_back({"write", {}, {true, false, true, true, true, false, false}, {}});
  for (int64_t d = 0; d < deviceCount; ++d) {
    DeviceList &device = program.devices.emplace_back();
    auto add = [&](SlotSource source, int64_t bytes) {
      Slot slot{source, bytes, device.arena};
      slot.microbatch = d;
      device.arena += (bytes + 63) / 64 * 64;
      device.slots.push_back(slot);
    };
    add(SlotSource::Message, messageBytes);
    add(SlotSource::Message, messageBytes);
    add(SlotSource::Gradients, gradientBytes);
    add(SlotSource::Gradients, gradientBytes);
    add(SlotSource::Loss, 8);
    add(SlotSource::Gradients, slice * 4 * deviceCount);
    add(SlotSource::Weights, slice * 4 * deviceCount);
    int64_t member = std::ranges::find(mixed, d) - mixed.begin();
    Range own{member * slice, (member + 1) * slice};
    add(SlotSource::Working, 2 * (countBefore(copied, own.end) - countBefore(copied, own.begin)));
    add(SlotSource::Arena, 2 * countBefore(copied, 4 * slice));
    std::vector<int64_t> pair = {std::min(d, 3 - d), std::max(d, 3 - d)};
    for (int64_t mb = 0; mb < 3; ++mb) {
      if (d > 0)
        device.instructions.push_back(Receive{{'F', d - 1, mb}, d - 1, 1});
      device.instructions.push_back(Execute{{'F', d, mb}, 0, {0, 1, 2, 3, 5, 6, 8}});
      if (d < 3)
        device.instructions.push_back(Transmit{{'F', d, mb}, d + 1, 0, d % 2 == 0});
    }
    for (Instruction op : {Instruction(Collective{Collective::AllReduce, {pair.front()}, pair, 2, 0, {}}),
                           Instruction(Collective{Collective::AllReduce, {7}, mixed, 3, 0, {}}),
                           Instruction(Collective{Collective::ReduceScatter, {8}, mixed, 5, slice, {}}),
                           Instruction(GradNorm{{2, 3}, {}}),
                           Instruction(Step{{8}, slice * deviceCount, own, true, 6, 5, {}, {}, 7, 0, -1, 1, {}, {}, {}}),
                           Instruction(Collective{Collective::AllGather, {8}, mixed, 6, slice, {}}),
                           Instruction(Collective{Collective::AllGather, {8}, mixed, 8, slice, 7, copied})})
      device.instructions.push_back(op);
  }
  return program;
}

/// Writes numbers that follow from device, step and what it has received.
class WritingDevice final : public Device {
public:
  WritingDevice(const Program &program, int64_t number)
      : device(program.devices[number]), arena(program.devices[number].arena), slots(program.devices[number], arena.data()),
        number(number), record(1, 16, 0) {}

  void begin(UpdateState given) override { state = given; }
  bool beginStep(uint32_t current, const StepInputs &) override {
    step = current;
    return true;
  }
  void endStep() override {}
  void poison() override {}
  void await(const Event &event, size_t) override { event.wait(); }
  void awaitNumbers(const Event &event, size_t) override { event.wait(); }
  void finishInstruction(size_t) override {}
  void startedMessage(size_t) override {}
  void execute(size_t, const Execute &run) override {
    float received = slots.floats(run.slots[1])[5];
    for (int64_t i = 0; i < floatsOf(6); i += 7)
      total = total * 0.999 + slots.floats(6)[i];
    for (int64_t i = 0; i < floatsOf(8); i += 7)
      total = total * 0.999 + slots.floats(8)[i];
    for (int64_t slot : {0, 2, 3, 5})
      for (int64_t i = 0; i < floatsOf(slot); ++i)
        slots.floats(slot)[i] = 0.1f * float(number + 1) + float(i % 97) / 3.0f +
                                1e-3f * received + float(step);
    slots.floats(4)[0] = received;
  }
  void contribute(size_t, const GradNorm &norm) override {
    mine = {0, false, {{slots.floats(4)[0], 0}}};
    for (int64_t slot : norm.slots)
      for (int64_t i = 0; i < floatsOf(slot); ++i)
        mine.squares += double(slots.floats(slot)[i]) * slots.floats(slot)[i];
  }
  const Contribution &contribution() const override { return mine; }
  void judge(size_t, const StepNumbers &numbers, const StepInputs &inputs) override {
    judgement = bitpipe::judge(numbers, inputs, state);
    state = judgement.state;
  }
  StepResult result(uint32_t) override { return {judgement, 0}; }
  std::string describeBadIndex() override { return ""; }
  bool computes() const override { return true; }
  int64_t touchedBytes() const override { return 0; }
  void update(size_t, const Step &op, const OptimizerSettings &) override {
    for (int64_t i = op.stepped.begin; i < op.stepped.end; ++i)
      slots.floats(6)[i] = 0.5f * slots.floats(6)[i] + slots.floats(5)[i];
    for (int64_t i = 0; i < floatsOf(7); ++i)
      slots.floats(7)[i] = float(number + 1) * float(step + 1) + float(i % 89);
    total += judgement.gradNorm + judgement.lossSum;
    for (int64_t slot : {2, 3})
      for (int64_t i = 0; i < floatsOf(slot); ++i)
        total = total * 0.999 + slots.floats(slot)[i];
  }
  void round(size_t, const Round &) override {}
  void clear(size_t, const Clear &) override {}
  void stash(size_t, const Stash &) override {}
  void upload(int64_t, int64_t, const void *, int64_t) override {}
  void download(int64_t, int64_t, void *, int64_t) override {}
  SlotAddresses &memory() override { return slots; }
  const Recorder &recorder() const override { return record; }

  double total = 0; // of all numbers that came

private:
  int64_t floatsOf(int64_t slot) const {
    return device.slots[slot].size / int64_t(sizeof(float));
  }

  const DeviceList &device;
  Arena arena;
  SlotAddresses slots;
  int64_t number;
  Contribution mine;
  UpdateState state;
  Judgement judgement{};
  uint32_t step = 0;
  Recorder record;
};

/// Walks the lists of a rank's devices.
void runRank(const Program &program, const Links &links, World &world,
             std::vector<double> &results) {
  LocalDevices devices(shareOf(world, deviceCount));
  std::vector<WritingDevice *> writers;
  for (int64_t d = devices.share().first; d < devices.share().end; ++d) {
    auto device = std::make_unique<WritingDevice>(program, d);
    writers.push_back(device.get());
    devices.add(std::move(device));
  }
  HostTransport transport(program, links, world, devices);
  std::vector<std::jthread> threads;
  for (int64_t d = devices.share().first; d < devices.share().end; ++d)
    threads.emplace_back([&, d] {
      StepInputs inputs;
      inputs.maxBadSteps = 1;
      DeviceRunner runner(program, links, d, devices[d], transport, false);
      for (uint32_t step = 0; step < stepCount; ++step)
        runner.run(step, inputs);
    });
  threads.clear(); // joins
  transport.finishStep(stepCount - 1);
  for (size_t i = 0; i < writers.size(); ++i)
    results[devices.share().first + i] = writers[i]->total;
  world.barrier();
}

std::vector<double> runAs(int ranks, int64_t devicesPerNode) {
  Program program = makeProgram(devicesPerNode);
  Links links = deriveLinks(program);
  checkProgress(program, links);
  std::vector<double> results(deviceCount);
  auto fabric = std::make_shared<LocalNetwork::Fabric>(ranks);
  std::vector<std::jthread> threads;
  for (int rank = 0; rank < ranks; ++rank)
    threads.emplace_back([&, rank] {
      World world = ranks == 1
                        ? World()
                        : World(std::make_unique<NetworkThread>(
                              std::make_unique<LocalNetwork>(fabric, rank),
                              [](const NetworkError &) { std::abort(); }));
      runRank(program, links, world, results);
      world.finish();
    });
  threads.clear(); // joins
  return results;
}

} // namespace

/// The numbers that devices end with, which are the same for any number of ranks.
static std::vector<double> checkRanks(int64_t devicesPerNode) {
  std::vector<double> expected = runAs(1, devicesPerNode);
  for (int ranks = 2; ranks <= deviceCount; ++ranks)
    if (std::vector<double> got = runAs(ranks, devicesPerNode); got != expected) {
      std::fprintf(stderr, "%d ranks, nodes of %lld: %s, expected %s\n", ranks, (long long)devicesPerNode,
                   listText(got).c_str(), listText(expected).c_str());
      std::exit(1);
    }
  return expected;
}

/// Sums of another order are others, and nearly the same.
static void checkNear(const std::vector<double> &got, const std::vector<double> &expected) {
  bool isSame = got == expected;
  for (size_t d = 0; d < got.size(); ++d)
    if (isSame || std::abs(got[d] - expected[d]) > 1e-5 * std::abs(expected[d])) {
      std::fprintf(stderr, "nodes: device %zu has %.17g, expected nearly %.17g\n", d, got[d], expected[d]);
      std::exit(1);
    }
}

int main() {
  std::vector<double> atOnce = checkRanks(0);
  checkNear(checkRanks(2), atOnce);
  checkNear(checkRanks(3), atOnce); // a node of three and one of one
}
