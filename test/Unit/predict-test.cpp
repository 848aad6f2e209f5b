//===- predict-test.cpp - Prediction beside what is known ------------------===//
//
// Two simulators were written apart: the compiler's goes through one step and adds
// what follows; the runtime's walks the lists of a program over several steps. For
// every schedule, with uneven times, slow links, sums, norm and updates, both say
// the same.
//
//===----------------------------------------------------------------------===//

#include "lib/Runtime/Plan/Predict.h"
#include "lib/Transforms/Schedule/Families/Shared/Registry.h"
#include "lib/Transforms/Schedule/Simulate/SteadyStep.h"
#include "test/Unit/schedule-invariants.h"

#include <map>
#include <optional>
#include <utility>

using namespace bitpipe;
using schedule::Costs;
using Op = schedule::Instruction::Op;

namespace {

/// The lists of a schedule as the runtime has them, without memory: every run
/// waits for its message, the norm for the sums, runs for weights that are gathered.
class Translation {
public:
  explicit Translation(const schedule::Program &source)
      : source(source), sharded(schedule::shardedGroups(source)) {
    program.routines.resize(2);
    program.routines[computing].calls.resize(1);
    program.devices.resize(source.devices.size());
    links.devices.resize(source.devices.size());
    leaving.resize(source.devices.size());
    due.resize(source.devices.size());
    gathers.resize(source.devices.size());
    for (int d = 0; d < int(source.devices.size()); ++d) {
      const auto &list = source.devices[d];
      for (size_t i = 0; i < list.size(); ++i)
        addWithMoves(d, list, i);
      if (source.placement.updates()) // which have added to the norm
        push(d, GradNorm(), {}, -1);
    }
  }

  Program program;
  Links links;

private:
  static constexpr int64_t computing = 0, empty = 1; // routines

  bool isEmpty(int64_t stage) const { return source.placement.hasEmptyForward(int(stage)); }
  static RunName nameOf(const schedule::Action &action) {
    return {schedule::letterOf(action.kind), action.stage, action.microbatch};
  }

  void push(int d, Instruction op, std::vector<Wait> waits, int64_t starts) {
    program.devices[d].instructions.push_back(std::move(op));
    links.devices[d].waits.push_back(std::move(waits));
    links.devices[d].starts.push_back(starts);
  }

  /// Behind the next run what is moved away has gone.
  void addWithMoves(int d, const std::vector<schedule::Instruction> &list, size_t &i) {
    std::optional<schedule::Action> action = schedule::actionOf(list[i]);
    size_t first = program.devices[d].instructions.size();
    if (action && action->kind == schedule::Kind::B)
      i += addBackward(d, list, i);
    else
      add(d, list[i]);
    if (!action || action->kind == schedule::Kind::D)
      return;
    auto &waits = links.devices[d].waits[first];
    for (int64_t message : std::exchange(due[d], {}))
      waits.push_back({Wait::Message, message, false});
    if (schedule::sendsMove(action->kind))
      leaving[d].push_back(links.devices[d].starts[first]);
    else if (schedule::isRun(action->kind))
      due[d] = std::exchange(leaving[d], {});
  }

  /// As its two parts, with the send that follows, if one does, between them.
  /// Returns whether one did.
  bool addBackward(int d, const std::vector<schedule::Instruction> &list, size_t i) {
    RunName run = nameOf(list[i].action);
    bool sends = i + 1 < list.size() && list[i + 1].op == Op::Send;
    push(d, Execute{{'I', run.stage, run.microbatch}, 0, {}}, waitsOf(run, d), -1);
    if (sends)
      add(d, list[i + 1]);
    push(d, Execute{{'W', run.stage, run.microbatch}, 0, {}}, {}, -1);
    return sends;
  }

  void add(int d, const schedule::Instruction &instruction) {
    RunName run = nameOf(instruction.action);
    const auto &group = instruction.group >= 0
                            ? source.groups[instruction.group]
                            : schedule::Group();
    std::vector<int64_t> stages(group.stages.begin(), group.stages.end());
    switch (instruction.op) {
    case Op::Run:
      if (schedule::isOfShards(instruction.action.kind))
        return exchangeSlices(d, instruction.action);
      if (run.kind == 'U')
        return push(d, Step{{run.stage}, slice, {0, slice}, false, 0, run.stage, {}, {}, {}, 0,
                            run.microbatch, 1, {0, slice}, {}, {}}, {}, -1);
      if (run.kind == 'F' && isEmpty(run.stage)) // touches nothing
        return push(d, Execute{run, empty, {}}, {}, -1);
      return push(d, Execute{run, computing, {}}, waitsOf(run, d), -1);
    case Op::Send:
      return push(d, Transmit{run, instruction.peer, 0, true},
                  run.kind == 'G' ? waitsOf(run, d) : std::vector<Wait>(),
                  message(run, d, instruction.peer));
    case Op::Recv:
      return push(d, Receive{run, instruction.peer, 0}, {}, message(run, instruction.peer, d));
    case Op::Reduce:
      return collect(d, sharded[instruction.group] ? Collective::ReduceScatter : Collective::AllReduce,
                     instruction.group);
    case Op::Update:
      return update(d, instruction.group, stages);
    case Op::Unshard:
      return collect(d, Collective::AllGather, instruction.group);
    }
  }

  /// Of a group, the first time or another time in a step.
  void collect(int d, Collective::Kind kind, int group, int time = 0) {
    int64_t number = collective(kind, group, time);
    links.devices[d].collectives.push_back(number);
    push(d, Collective{kind, {}, {}, 0, 0, {}}, {}, number);
  }

  /// What is dropped has no instruction.
  void exchangeSlices(int d, const schedule::Action &action) {
    int group = schedule::ownGroups(source)[action.stage];
    auto &known = gathers[d][action.stage];
    if (action.kind == schedule::Kind::S)
      return collect(d, Collective::ReduceScatter, group);
    if (action.kind != schedule::Kind::A)
      return;
    collect(d, Collective::AllGather, group, int(known.size()));
    known.push_back(links.devices[d].collectives.back());
  }

  static constexpr int64_t slice = 64;
  /// What a device answers for of a group.
  Range sliceOf(int d, int group) const {
    const std::vector<int> &devices = source.groups[group].devices;
    int64_t i = std::find(devices.begin(), devices.end(), d) - devices.begin();
    return {i * slice, (i + 1) * slice};
  }

  /// Slots of gradients have the numbers of their groups.
  void update(int d, int group, const std::vector<int64_t> &stages) {
    auto &list = program.devices[d].instructions;
    if (std::ranges::none_of(list, [](auto &op) { return std::holds_alternative<GradNorm>(op); })) {
      std::vector<Wait> waits;
      for (int64_t started : links.devices[d].collectives)
        waits.push_back({Wait::Collective, started, false});
      GradNorm norm;
      for (int g = 0; g < int(source.groups.size()); ++g)
        if (std::ranges::count(source.groups[g].devices, d)) {
          norm.slots.push_back(g);
          norm.ranges.push_back(sliceOf(d, g));
        }
      push(d, std::move(norm), waits, -1);
    }
    int64_t elements = slice * int64_t(source.groups[group].devices.size());
    Range stepped = sharded[group] ? sliceOf(d, group) : Range{0, elements};
    push(d, Step{stages, elements, stepped, sharded[group], 0, group, {}, {}, {}, 0, -1, 1, {}, {}, {}}, {}, -1);
  }

  int64_t message(const RunName &run, int from, int to) {
    auto [found, isNew] = numbers.try_emplace(
        {run.kind, run.stage, run.microbatch}, links.messages.size());
    if (isNew)
      links.messages.push_back({run, from, to, 0, 0, 0, true});
    return found->second;
  }

  int64_t collective(Collective::Kind kind, int group, int time = 0) {
    auto [found, isNew] = collectives.try_emplace({kind, group, time}, links.collectives.size());
    if (isNew) {
      const auto &[stages, devices] = source.groups[group];
      links.collectives.push_back({kind, {stages.begin(), stages.end()},
                                   {devices.begin(), devices.end()}, {}, 0, 0, {}});
    }
    return found->second;
  }

  /// Whether the weights of a group are gathered in the step itself.
  bool isGathered(int group) const {
    return source.placement.gathers() && source.groups[group].stages.size() == 1;
  }

  std::vector<Wait> waitsOf(const RunName &run, int d) {
    bool forward = run.kind == (isEmpty(run.stage) ? 'R' : 'F');
    std::vector<Wait> waits;
    if (run.kind != 'E')
      if (auto &known = gathers[d][run.stage]; !known.empty())
        waits.push_back({Wait::Collective, known.back(), false});
    if (run.kind == 'W' || (run.kind == 'R' && !forward) || run.kind == 'E')
      return waits;
    char moved = run.kind == 'G' ? 'E' : 'G'; // which of the two brings what is read
    if (auto found = numbers.find({moved, run.stage, run.microbatch});
        !forward && found != numbers.end())
      waits.push_back({Wait::Message, found->second, false});
    if (run.kind == 'G')
      return waits;
    for (int g = 0; g < int(source.groups.size()); ++g)
      if (sharded[g] && !isGathered(g) && std::ranges::count(source.groups[g].stages, run.stage))
        waits.push_back({Wait::Collective, collective(Collective::AllGather, g), true});
    auto found = numbers.find({forward ? 'F' : 'B', run.stage + (forward ? -1 : 1),
                               run.microbatch});
    if (found != numbers.end())
      waits.push_back({Wait::Message, found->second, false});
    return waits;
  }

  const schedule::Program &source;
  const std::vector<bool> sharded;
  std::map<std::tuple<char, int64_t, int64_t>, int64_t> numbers;
  std::map<std::tuple<Collective::Kind, int, int>, int64_t> collectives;
  /// Per device and stage, the numbers of the gathers that it has started.
  std::vector<std::map<int64_t, std::vector<int64_t>>> gathers;
  /// Per device, messages of moves: sent since the last run, and before that.
  std::vector<std::vector<int64_t>> leaving, due;
};

} // namespace

/// The result of the norm is on device 0 at once and reaches the others by a message: a
/// step begins on one after the other, and a receive may be posted that much after its
/// send, which only the runtime knows.
static double lateness(const Costs &costs) {
  double most = 0;
  for (const auto &from : costs.links)
    for (const schedule::Link &link : from)
      most = std::max(most, link.latency);
  return most;
}

/// Each device a process of its own, whose messages leave before they are asked for: also
/// where receives were put for quicker links.
static PredictOptions eagerProcesses(size_t devices) {
  PredictOptions options;
  for (size_t d = 0; d < devices; ++d)
    options.processes.push_back(d);
  for (size_t from = 0; from < devices; ++from)
    for (EagerBytes &most = options.eagerBytes.emplace_back(); size_t to : options.processes)
      if (to != from)
        most[to] = 1;
  return options;
}

static void compare(const schedule::Request &asked, const Costs &costs,
                    const char *what, bool shards = false,
                    const PredictOptions &options = {}, const Costs *madeFor = nullptr) {
  auto made = schedule::buildSchedule(asked);
  if (!made)
    return; // sizes that this family refuses
  if (!options.eagerBytes.empty() && made->placement.moves())
    return; // what moves waits for room, in the compiler's simulation always
  std::vector<std::vector<int>> ties;
  bool ends = !made->placement.updates(); // with one update, of whatever is shared
  if (!costs.shared.empty() && ends)
    ties = {{0, made->placement.stages() - 1}};
  if (shards && ends)
    made->placement.setShard(schedule::Shard::Optimizer);
  schedule::Program source =
      *schedule::communicate(*made, ties, madeFor ? *madeFor : costs);
  double known = schedule::steadyStep(source, made->order, costs);
  Translation translated(source);
  Prediction prediction =
      predict(translated.program, translated.links,
              workTimes(translated.program, translated.links, costs), options);
  double later = prediction.step - known, rounding = 1e-9 * known;
  expect(later >= -rounding && later <= rounding + lateness(costs),
         toText(asked) + " with " + what +
             ": the runtime predicts " + std::to_string(prediction.step) +
             ", the compiler " + std::to_string(known));
  auto times = workTimes(translated.program, translated.links, costs);
  for (size_t d = 0; d < prediction.idle.size(); ++d) {
    double work = 0;
    for (double time : times.instructions[d])
      work += time;
    expect(std::abs(prediction.idle[d] + work - prediction.step) <= rounding,
           toText(asked) + ": work and idle time make up the step");
  }
}

/// Replicas that gather and scatter in between, of all pipelines that can.
static void testSlices() {
  for (const schedule::Family &family : schedule::families())
    for (auto shard : {schedule::Shard::Gradients, schedule::Shard::Parameters}) {
      schedule::Request asked;
      std::tie(asked.pipeline, asked.devices, asked.microbatches) = std::tuple(family.name, 8, 16);
      std::tie(asked.replicas, asked.shard) = std::tuple(2, shard);
      auto placement = schedule::placementFor(asked);
      if (!placement)
        continue;
      Costs costs = schedule::uneven(*placement);
      for (size_t i = 0; i < costs.stages.size(); ++i) {
        costs.stages[i].norm = 0.1 + 0.05 * double(i % 3);
        costs.stages[i].optimizer = 0.5 + 0.2 * double(i % 4);
      }
      std::string what = std::string("slices of ") + schedule::nameOf(shard);
      compare(asked, costs, what.c_str());
      asked.recompute = "all";
      costs.lossInGradient = true;
      compare(asked, costs, (what + ", recomputation and an empty forward").c_str());
      asked.recompute = "";
      costs.shared = {{{0, placement->stages() - 1}, 0.4, 0.03, 0.2}};
      compare(asked, costs, (what + " and shared parameters").c_str());
    }
}

static void testSchedules() {
  int compared = 0;
  for (const schedule::Family &family : schedule::families())
    for (int devices : {2, 4, 6}) {
      schedule::Request asked;
      asked.pipeline = family.name;
      asked.devices = devices;
      asked.microbatches = 2 * devices;
      auto placement = schedule::placementFor(asked);
      if (!placement)
        continue;
      ++compared;
      compare(asked, {}, "equal times");
      Costs costs = schedule::uneven(*placement);
      compare(asked, costs, "uneven times");
      asked.recompute = "all";
      for (schedule::StageCost &stage : costs.stages)
        stage.recompute = 0.8 * stage.forward;
      compare(asked, costs, "recomputation");
      costs.lossInGradient = true;
      compare(asked, costs, "recomputation and an empty forward");
      compare(asked, costs, "recomputation, an empty forward and a sharded optimizer", true);
      costs.lossInGradient = false;
      asked.recompute = "";
      for (auto &from : costs.links)
        for (schedule::Link &link : from)
          link.latency = 0.2;
      compare(asked, costs, "one latency");
      Costs slow = costs;
      for (auto &from : slow.links)
        for (schedule::Link &link : from)
          link.latency = 20;
      compare(asked, slow, "slow links, eager messages", false, eagerProcesses(devices), &costs);
      for (size_t i = 0; i < costs.stages.size(); ++i) {
        costs.stages[i].norm = 0.1 + 0.05 * double(i % 3);
        costs.stages[i].optimizer = 0.5 + 0.2 * double(i % 4);
      }
      compare(asked, costs, "norm and updates");
      costs.shared = {{{0, placement->stages() - 1}, 0.4, 0.03, 0.2}};
      compare(asked, costs, "shared parameters");
      compare(asked, costs, "a sharded optimizer", true);
      costs.feed = 1000;
      compare(asked, costs, "slow data");
    }
  testSlices();
  expect(compared > 40, "most schedules have these sizes");
}

int main() {
  testSchedules();
  return report();
}
