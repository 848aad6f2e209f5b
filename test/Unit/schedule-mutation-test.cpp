//===- schedule-mutation-test.cpp - Broken programs are found ---------------===//
//
// Programs of all families are broken in every way that is thought of: things
// swapped, lost, doubled, sent elsewhere or in other channels, buffers reused too early. Whatever the
// checks accept must still run to its end and sum every gradient exactly; that
// is found out by running it, with messages that carry values and no names, and
// on devices that hold no more than the unbroken program needs.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Check/Check.h"
#include "test/Unit/schedule-invariants.h"
#include "test/Unit/schedule-machine.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <numeric>
#include <optional>
#include <random>

using namespace bitpipe::schedule;
using Op = Instruction::Op;
using Random = std::mt19937_64;
using List = std::vector<Instruction>;

/// Of how many mutants one is tried, for runs in which each takes longer.
static int ofEach = 1;

static size_t below(Random &random, size_t count) { return random() % count; }

/// Sorts of instructions: those of an operation, ends of moves, and what is of shards.
constexpr size_t moves = 6, shards = 7, sorts = 8;
/// Ways to break a program behind ten for every sort.
constexpr int otherVersions = 10 * sorts, otherChannel = otherVersions + 1,
              bothWays = otherVersions + 2, ownChannel = otherVersions + 3, ways = otherVersions + 4;
static bool isOf(const Instruction &instruction, size_t sort) {
  constexpr Op ops[] = {Op::Run, Op::Send, Op::Recv, Op::Reduce, Op::Update, Op::Unshard};
  std::optional<Action> action = actionOf(instruction);
  if (sort == shards)
    return action && isOfShards(action->kind);
  return sort == moves ? action && isMove(action->kind) : instruction.op == ops[sort];
}

/// The position of a random instruction of this sort, if there is one.
static std::optional<size_t> pick(Random &random, const List &list, size_t sort) {
  std::vector<size_t> places;
  for (size_t i = 0; i < list.size(); ++i)
    if (isOf(list[i], sort))
      places.push_back(i);
  if (places.empty())
    return std::nullopt;
  return places[below(random, places.size())];
}

static void moveTo(List &list, size_t from, size_t to) {
  Instruction moved = list[from];
  list.erase(list.begin() + from);
  list.insert(list.begin() + to, moved);
}

/// Says of an update that there are more or fewer versions of the weights.
static bool changeVersions(Random &random, List &list) {
  std::vector<size_t> updates;
  for (size_t i = 0; i < list.size(); ++i)
    if (list[i].op == Op::Run && list[i].action.kind == Kind::U)
      updates.push_back(i);
  if (updates.empty())
    return false;
  list[updates[below(random, updates.size())]].action.versions += int(below(random, 3)) - 1;
  return true;
}

/// Sends what goes from a device to another in the channel of the other way.
static bool joinChannels(Random &random, Program &program) {
  int joined = int(below(random, program.channels.size()));
  auto [from, to] = program.channels[joined];
  for (size_t other = 0; other < program.channels.size(); ++other) {
    if (from == to || program.channels[other] != Channel{to, from})
      continue;
    for (List &list : program.devices)
      for (Instruction &instruction : list)
        if (instruction.channel == int(other))
          instruction.channel = joined;
    return true;
  }
  return false;
}

/// Gives a message a channel of its own.
static bool splitChannel(Random &random, Program &program) {
  List &list = program.devices[below(random, program.devices.size())];
  std::optional<size_t> at = pick(random, list, size_t(Op::Recv));
  if (!at)
    return false;
  Instruction received = list[*at];
  for (List &every : program.devices)
    for (Instruction &end : every)
      if (end.isMessage() && end.action == received.action)
        end.channel = int(program.channels.size());
  program.channels.push_back(program.channels[received.channel]);
  return true;
}

static bool mutateChannels(Random &random, Program &program, int way) {
  if (program.channels.empty() || way != otherChannel)
    return !program.channels.empty() &&
           (way == ownChannel ? splitChannel(random, program) : joinChannels(random, program));
  List &list = program.devices[below(random, program.devices.size())];
  std::optional<size_t> at = pick(random, list, size_t(below(random, 2) ? Op::Send : Op::Recv));
  if (at)
    list[*at].channel = int(below(random, program.channels.size() + 1));
  return at.has_value();
}

/// Breaks a program in one of many ways; false if that way does not apply.
static bool mutate(Random &random, Program &program, int way) {
  if (way >= otherChannel)
    return mutateChannels(random, program, way);
  List &list = program.devices[below(random, program.devices.size())];
  if (list.size() < 3)
    return false;
  if (way == otherVersions)
    return changeVersions(random, list);
  std::optional<size_t> at = pick(random, list, way % sorts);
  if (!at)
    return false;
  std::optional<size_t> other = pick(random, list, way % sorts);
  switch (way / sorts) {
  case 0: // lost
    list.erase(list.begin() + *at);
    return true;
  case 1: // doubled
    list.insert(list.begin() + below(random, list.size()), list[*at]);
    return true;
  case 2: // swapped with one of its sort
    std::swap(list[*at], list[*other]);
    return *at != *other;
  case 3: // too early or too late
    moveTo(list, *at, below(random, list.size()));
    return true;
  case 4: // something else is meant
    list[*at].action.microbatch =
        int(below(random, program.placement.microbatches() + 1));
    list[*at].group = int(below(random, program.groups.size() + 1));
    return true;
  case 5:
    list[*at].action.stage =
        int(below(random, program.placement.stages() + 1));
    return true;
  case 6:
    list[*at].action.kind = Kind(below(random, kindCount));
    return true;
  case 7: // misrouted
    list[*at].peer = int(below(random, program.devices.size() + 1));
    return true;
  case 8: { // too early by a little: a buffer or weights still in use
    size_t back = 1 + below(random, 6);
    moveTo(list, *at, *at - std::min(back, *at));
    return *at > 0;
  }
  case 9: { // on another device
    List &there = program.devices[below(random, program.devices.size())];
    Instruction moved = list[*at];
    list.erase(list.begin() + *at);
    there.insert(there.begin() + below(random, there.size() + 1), moved);
    return true;
  }
  }
  return false;
}

namespace {
struct Counts {
  std::map<std::string, int> rejected;
  int total = 0, accepted = 0, needless = 0;
  /// Devices that lack a buffer for what they send, and those that then train wrongly if all
  /// messages come as late as they can.
  int buffers = 0, needed = 0;
  /// Programs with one channel for both ways between two devices, and those that are accepted.
  int joined = 0, joinedRight = 0;
};
} // namespace

/// Takes from each device one of the buffers that hold what it sends.
static void testFewerBuffers(const Program &original, const std::vector<Held> &limits,
                             Counts &counts) {
  for (size_t device = 0; device < limits.size(); ++device) {
    std::vector<Held> fewer = limits;
    --fewer[device].sends;
    if (limits[device].sends == 0)
      continue;
    expect(checkMemory(original, {}, fewer).has_value(), "a device does with fewer buffers");
    ++counts.buffers;
    counts.needed += !Machine(original, fewer).run();
  }
}

static void testMutants(Random &random, const Request &asked, const Program &original,
                        int mutants, Counts &counts) {
  std::vector<Held> limits = mostHeld(original);
  expect(!checkMemory(original, {}, limits), toText(asked) + " holds more than it holds");
  expect(Machine(original, limits).run(), toText(asked) + " does not run");
  testFewerBuffers(original, limits, counts);
  for (int i = int(below(random, ofEach)); i < mutants; i += ofEach) {
    Program broken = original;
    int way = i % ways;
    if (!mutate(random, broken, way))
      continue;
    ++counts.total;
    Checked wrong = check(broken);
    counts.joined += way == bothWays;
    counts.joinedRight += way == bothWays && !wrong;
    if (!wrong)
      wrong = checkMemory(broken, {}, limits);
    bool names = wrong && wrong->invariant == "names";
    bool runs = !names && Machine(broken, limits).run();
    if (wrong) {
      ++counts.rejected[wrong->invariant];
      counts.needless += runs;
      expect(!runs || way < bothWays, toText(asked) + ": mutant " + std::to_string(i) +
                                          " of channels runs and is refused: " + wrong->text);
      continue;
    }
    ++counts.accepted;
    expect(runs, toText(asked) + ": mutant " + std::to_string(i) +
                     " is accepted and trains wrongly");
  }
}

static void testFamily(Random &random, Request asked, bool isUneven, int mutants,
                       Counts &counts, bool ties = true) {
  bool updatesBetween = (*familyNamed(asked.pipeline))->updatesBetween;
  if (isUneven && !updatesBetween && asked.shard == Shard::None)
    asked.shard = Shard::Optimizer;
  ErrorOr<Schedule> schedule = buildSchedule(asked);
  if (!schedule && asked.pipeline == "pipedream-flush" && asked.stageReplicas.empty())
    return; // it has a row of its own
  if (!schedule)
    return expect(false, schedule.error().text);
  int last = schedule->placement.stages() - 1;
  Costs costs = isUneven ? uneven(schedule->placement) : Costs();
  bool mayTie = last > 0 && ties;
  ErrorOr<Program> original =
      communicate(*schedule, mayTie ? std::vector<std::vector<int>>{{0, last}}
                                    : std::vector<std::vector<int>>{}, costs);
  expect(original && !check(*original), toText(asked) + " is rejected");
  if (original)
    testMutants(random, asked, *original, mutants, counts);
}

/// Replicas that share out gradients or parameters; those of two directions also alone.
static void testShards(Random &random, const Family &family, Counts &counts) {
  Request asked = request(family.name, 4, 8);
  asked.replicas = 2;
  if (!placementFor(asked) || family.updatesBetween || family.sharesStages)
    return;
  for (Shard shard : {Shard::Gradients, Shard::Parameters})
    for (bool isUneven : {false, true}) {
      asked.shard = shard;
      asked.chunks = 0;
      testFamily(random, asked, isUneven, 300, counts);
      asked.chunks = family.chunks > 1 ? 2 * family.chunks : 0; // more than two are there at once
      if (asked.chunks && placementFor(asked))
        testFamily(random, asked, isUneven, 300, counts);
      Request alone = request(family.name, 4, 8);
      alone.shard = shard;
      if (family.hasTwoWays || family.name == "dualpipe")
        testFamily(random, alone, isUneven, 300, counts);
    }
}

/// Hosts that keep as much as they can, beside recomputation and replicas, too.
static void testOffload(Random &random, const Family &family, Counts &counts) {
  if (family.name == "bpipe" || family.updatesBetween)
    return;
  Request asked = request(family.name, 4, 8);
  asked.offload = leastOnDevices(asked);
  for (const char *stages : {"", "0,2"}) {
    asked.recompute = stages;
    testFamily(random, asked, false, 400, counts);
    testFamily(random, asked, true, 400, counts);
  }
}

/// Updates between micro-batches of stages that several devices hold, of replicas, and of both,
/// with ties and without.
static void testUpdates(Random &random, Counts &counts) {
  for (const Family &family : families())
    for (std::vector<int> stages : {std::vector<int>(), {2, 1, 1}, {1, 2}, {3, 1}, {2, 2}})
      for (int replicas : {1, 2}) {
        int devices = stages.empty() ? 4 / replicas : std::accumulate(stages.begin(), stages.end(), 0);
        if (!family.updatesBetween)
          continue;
        Request asked = request(family.name, devices * replicas, 24);
        asked.replicas = replicas;
        asked.stageReplicas = stages;
        for (bool isUneven : {false, true})
          for (bool ties : {false, true})
            testFamily(random, asked, isUneven, 100, counts, ties);
      }
}

int main(int argc, char **argv) {
  ofEach = argc > 1 ? std::atoi(argv[1]) : 1;
  Random random(argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1);
  Counts counts;
  for (const Family &family : families()) {
    testShards(random, family, counts);
    testFamily(random, request(family.name, 4, 8), false, 500, counts);
    testFamily(random, request(family.name, 4, 8), true, 500, counts);
    testFamily(random, request(family.name, 8, 16), false, 200, counts);
    testFamily(random, request(family.name, 8, 16), true, 200, counts);
    Request asked = request(family.name, 4, 8);
    for (const char *stages : {"all", "0,2"}) {
      asked.recompute = stages;
      testFamily(random, asked, false, 300, counts);
      testFamily(random, asked, true, 300, counts);
    }
    for (const char *stages : {"", "0,2"}) {
      asked.balance = family.name != "bpipe" && !family.updatesBetween;
      asked.recompute = stages;
      testFamily(random, asked, false, 400, counts);
      testFamily(random, asked, true, 400, counts);
    }
    testOffload(random, family, counts);
  }
  Request shared = request("pipedream-flush", 4, 8);
  shared.stageReplicas = {2, 1, 1};
  testFamily(random, shared, false, 500, counts);
  testFamily(random, shared, true, 500, counts);
  testUpdates(random, counts);
  std::printf("%d mutants, %d accepted and harmless\n", counts.total, counts.accepted);
  for (const auto &[invariant, count] : counts.rejected)
    std::printf("%5d rejected by '%s'\n", count, invariant.c_str());
  std::printf("%d of %d programs with one channel for both ways do not block\n", counts.joinedRight,
              counts.joined);
  std::printf("%d devices lack a buffer of those that send, %d train wrongly\n", counts.buffers,
              counts.needed);
  expect(counts.needed > counts.buffers / 10, "too few devices need their buffers");
  std::printf("%d of the rejected ones would have trained alike\n", counts.needless);
  expect(counts.total >= 200, "too few mutants");
  return report();
}
