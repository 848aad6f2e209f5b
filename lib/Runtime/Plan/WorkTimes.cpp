//===- WorkTimes.cpp - What everything in a step takes ---------------------===//

#include "lib/Runtime/Plan/WorkTimes.h"

#include "lib/Costs/ModelHash.h"
#include "lib/Runtime/Error.h"

#include <algorithm>
#include <map>
#include <tuple>

using namespace bitpipe;
using schedule::Costs;

int64_t bitpipe::stageCount(const Program &program) {
  int64_t count = 0;
  for (const DeviceList &device : program.devices)
    for (const Instruction &op : device.instructions)
      if (auto *run = std::get_if<Execute>(&op))
        count = std::max(count, run->run.stage + 1);
  return count;
}

std::string bitpipe::modelHash(const Program &program) {
  std::vector<NamedShape> parameters;
  for (const Parameter &parameter : program.parameters)
    parameters.push_back({parameter.name, parameter.type.shape});
  return modelHash(std::move(parameters));
}

void bitpipe::checkCosts(const Costs &costs, const Program &program,
                         const std::string &source) {
  if (auto wrong = checkModel(costs, modelHash(program), source))
    fail(wrong->text);
  int64_t stages = stageCount(program);
  if (costs.stages.size() != 1 && int64_t(costs.stages.size()) != stages)
    fail(source, ": costs of ", costs.stages.size(), " stages, expected ", stages,
         ", as the plan has");
  for (const schedule::SharedCost &shared : costs.shared)
    if (shared.stages.back() >= stages)
      fail(source, ": 'shared' costs of stage ", shared.stages.back(),
           ", expected stages 0 to ", stages - 1);
}

bool bitpipe::isEmptyForward(const Program &program, const Execute &op) {
  return op.run.kind == 'F' && program.routines[op.routine].calls.empty();
}

static std::vector<int> narrow(const std::vector<int64_t> &stages) {
  return {stages.begin(), stages.end()};
}

const Step *bitpipe::stepOfGradients(const DeviceList &device, int64_t slot) {
  for (const Instruction &op : device.instructions)
    if (auto *step = std::get_if<Step>(&op); step && step->gradients == slot)
      return step;
  return nullptr;
}

double bitpipe::shareOf(const Range &range, const Step &step) {
  return step.elements ? double(range.count()) / double(step.elements) : 0;
}

double bitpipe::shareOf(const CollectiveLink &link) {
  return (link.kind == Collective::AllReduce ? 1 : 0.5) * link.share;
}

/// A run, or what is sent, in the words of a schedule.
static schedule::Action actionOf(const RunName &run) {
  using schedule::Kind;
  Kind kind = run.kind == 'F'   ? Kind::F
              : run.kind == 'B' ? Kind::B
              : run.kind == 'I' ? Kind::I
              : run.kind == 'W' ? Kind::W
              : run.kind == 'E' ? Kind::E
              : run.kind == 'G' ? Kind::G
                                : Kind::R;
  return {kind, false, int(run.stage), int(run.microbatch)};
}

namespace {
/// The time of an instruction without what it waits for.
struct InstructionTime {
  const Program &program;
  const DeviceList &device;
  const Costs &costs;

  double operator()(const Execute &op) const {
    return isEmptyForward(program, op) ? 0 : costs.time(actionOf(op.run));
  }
  double operator()(const GradNorm &op) const {
    double time = 0;
    for (size_t i = 0; i < op.slots.size(); ++i)
      if (const Step *step = stepOfGradients(device, op.slots[i]))
        time += costs.normOf(narrow(step->stages)) * shareOf(op.ranges[i], *step);
    return time;
  }
  double operator()(const Step &op) const {
    std::vector<int> stages = narrow(op.stages);
    double norm = op.isBetween() ? costs.normOf(stages) * shareOf(op.counted, op)
                                 : 0; // else it is taken at the end
    return costs.optimizerOf(stages) * shareOf(op.stepped, op) + norm;
  }
  double operator()(const Transmit &) const { return 0; }
  double operator()(const Receive &) const { return 0; }
  double operator()(const Collective &) const { return 0; }
  double operator()(const Clear &) const { return 0; } // not among the costs
  double operator()(const Round &) const { return 0; } // not among the costs
  double operator()(const Stash &) const { return 0; } // likewise
};
} // namespace

/// The bytes of all messages of each move: it has as many as an activation has pieces.
using MovedBytes = std::map<std::tuple<char, int64_t, int64_t>, int64_t>;
static int64_t &bytesOf(MovedBytes &moved, const RunName &move) {
  return moved[{move.kind, move.stage, move.microbatch}];
}

/// Nothing lies before the first stage, whatever a plan sends there. A move is an activation.
static schedule::MessageTime messageTime(const MessageLink &message, MovedBytes &moved,
                                         const Costs &costs) {
  int from = int(message.from), to = int(message.to);
  if (message.run.isMove()) {
    schedule::MessageTime time = costs.message(from, to, actionOf(message.run));
    if (int64_t bytes = bytesOf(moved, message.run))
      time.transfer *= double(message.bytes) / double(bytes);
    return time;
  }
  if (message.run.kind != 'F' && message.run.stage == 0)
    return {0, costs.way(from, to).latency};
  return costs.message(from, to, actionOf(message.run));
}

WorkTimes bitpipe::workTimes(const Program &program, const Links &links,
                             const Costs &costs) {
  WorkTimes times;
  times.feed = costs.feed;
  for (size_t d = 0; d < program.devices.size(); ++d) {
    const DeviceList &device = program.devices[d];
    auto &list = times.instructions.emplace_back();
    for (const Instruction &op : device.instructions)
      list.push_back(std::visit(InstructionTime{program, device, costs}, op));
    times.toFirst.push_back(d ? costs.way(int(d), 0).latency : 0);
    times.fromFirst.push_back(d ? costs.way(0, int(d)).latency : 0);
  }
  MovedBytes moved;
  for (const MessageLink &message : links.messages)
    if (message.run.isMove())
      bytesOf(moved, message.run) += message.bytes;
  for (const MessageLink &message : links.messages) {
    times.messages.push_back(messageTime(message, moved, costs));
    times.copies.push_back(message.isToHost() ? times.messages.back().total() : 0);
  }
  for (const CollectiveLink &link : links.collectives)
    times.collectives.push_back(
        costs.sumOf(narrow(link.stages), link.devices.size()) * shareOf(link));
  return times;
}
