//===- schedule-mutation-test.cpp - Broken programs are found ---------------===//
//
// Programs of all families are broken in every way that is thought of: things
// swapped, lost, doubled, sent elsewhere, buffers reused too early. Whatever the
// checks accept must still run to its end and sum every gradient exactly; that
// is found out by running it, with messages that carry values and no names, and
// on devices that hold no more than the unbroken program needs.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Check/Check.h"
#include "lib/Transforms/Schedule/Simulate/Communicate.h"
#include "test/Unit/schedule-support.h"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <random>
#include <set>

using namespace bitpipe::schedule;
using Op = Instruction::Op;
using Value = uint64_t;

static Value mix(Value a, Value b) {
  Value x = a * 0x9e3779b97f4a7c15ull + b + 0x7f4a7c159e3779b9ull;
  x ^= x >> 29;
  return x * 0xbf58476d1ce4e5b9ull;
}

namespace {
/// Runs a program with a number for every tensor. Fails by returning false.
class Machine {
public:
  Machine(const Program &program, const std::vector<Held> &limits)
      : program(program), limits(limits), devices(program.devices.size()) {}

  bool run() {
    for (bool moved = true; moved;) {
      moved = false;
      for (size_t d = 0; d < devices.size(); ++d)
        while (!broken && step(int(d)))
          moved = true;
      moved = moved || exchange() || sum();
      if (broken)
        return false;
    }
    for (size_t d = 0; d < devices.size(); ++d)
      if (devices[d].position < program.devices[d].size())
        return false;
    return gradientsAreRight();
  }

private:
  using Name = std::tuple<char, int, int>;
  struct Device {
    size_t position = 0;
    std::map<Name, Value> values;
    std::map<Name, int> expected; // receives posted and not complete
    std::map<int, Value> gradients; // by stage
    std::deque<int> sums;
    std::map<int, Value> summed; // by group
    std::map<int, Value> updated;
    double activations = 0;
    std::deque<Name> buffers; // received or still to be, and not read
    std::set<Name> overwritten;
  };
  struct Channel {
    std::deque<Value> sent;
    std::deque<Name> posted;
  };

  static Name name(const Action &action) {
    return {action.kind == Kind::F ? 'F' : 'B', action.stage,
            action.microbatch};
  }

  bool step(int d) {
    Device &device = devices[d];
    if (device.position >= program.devices[d].size())
      return false;
    const Instruction &instruction = program.devices[d][device.position];
    bool done = true;
    if (instruction.op == Op::Run)
      done = compute(device, instruction.action) &&
             keep(device, instruction.action, limits[d].activations);
    if (instruction.op == Op::Send) {
      auto it = device.values.find(name(instruction.action));
      if (it == device.values.end())
        return fail();
      channels[{d, instruction.peer}].sent.push_back(it->second);
    }
    if (instruction.op == Op::Recv) {
      occupy(device, name(instruction.action), limits[d].receives);
      ++device.expected[name(instruction.action)];
      channels[{instruction.peer, d}].posted.push_back(
          name(instruction.action));
    }
    if (instruction.op == Op::Reduce)
      device.sums.push_back(instruction.group);
    if (instruction.op == Op::Update)
      done = update(device, instruction.group);
    device.position += done;
    return done;
  }

  /// Takes a buffer for a receive; where none is free, the oldest.
  static void occupy(Device &device, Name received, int buffers) {
    if (int(device.buffers.size()) >= buffers) {
      device.overwritten.insert(device.buffers.front());
      device.buffers.pop_front();
    }
    device.buffers.push_back(received);
  }

  /// Keeps or frees the activations of a run.
  bool keep(Device &device, const Action &action, double limit) {
    device.activations += action.kind == Kind::F;
    device.activations -= makesWeightGradient(action.kind);
    return device.activations <= limit || fail();
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
      if (input)
        device.values[{'F', stage, m}] = mix(*input, stage);
      return input.has_value();
    }
    if (action.kind == Kind::W) {
      std::optional<Value> gradient = read(device, {'B', stage, m});
      if (gradient)
        device.gradients[stage] += *gradient;
      return gradient.has_value();
    }
    std::optional<Value> saved = read(device, {'F', stage, m});
    std::optional<Value> output =
        stage < last ? read(device, {'B', stage + 1, m}) : Value(1);
    if (!saved || !output)
      return false;
    Value gradient = mix(*saved, *output);
    device.values[{'B', stage, m}] = gradient;
    if (action.kind == Kind::B)
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
    for (auto &[ends, channel] : channels)
      while (!channel.sent.empty() && !channel.posted.empty()) {
        Device &receiver = devices[ends.second];
        receiver.values[channel.posted.front()] = channel.sent.front();
        --receiver.expected[channel.posted.front()];
        channel.posted.pop_front();
        channel.sent.pop_front();
        moved = true;
      }
    return moved;
  }

  bool sum() {
    for (size_t g = 0; g < program.groups.size(); ++g) {
      const std::vector<int> &members = program.groups[g].devices;
      bool ready = members.size() > 1;
      for (int member : members)
        ready = ready && !devices[member].sums.empty() &&
                devices[member].sums.front() == int(g);
      if (!ready)
        continue;
      Value total = 0;
      for (int member : members)
        total += own(devices[member], int(g));
      for (int member : members) {
        devices[member].summed[int(g)] = total;
        devices[member].sums.pop_front();
      }
      return true;
    }
    return false;
  }

  bool gradientsAreRight() {
    const Placement &placement = program.placement;
    std::vector<Value> expected(placement.stages());
    for (int m = 0; m < placement.microbatches(); ++m) {
      std::vector<Value> forward;
      for (int stage = 0; stage < placement.stages(); ++stage)
        forward.push_back(mix(stage ? forward.back() : Value(m), stage));
      Value gradient = 1;
      for (int stage = placement.stages(); stage-- > 0;)
        expected[stage] += gradient = mix(forward[stage], gradient);
    }
    for (size_t g = 0; g < program.groups.size(); ++g)
      for (int member : program.groups[g].devices) {
        Value total = 0;
        for (int stage : program.groups[g].stages)
          total += expected[stage];
        auto it = devices[member].updated.find(int(g));
        if (it == devices[member].updated.end() || it->second != total)
          return false;
      }
    for (const auto &[ends, channel] : channels)
      if (!channel.sent.empty() || !channel.posted.empty())
        return false;
    return true;
  }

  bool fail() {
    broken = true;
    return false;
  }

  const Program &program;
  const std::vector<Held> &limits;
  std::vector<Device> devices;
  std::map<std::pair<int, int>, Channel> channels;
  bool broken = false;
};

using Random = std::mt19937_64;
using List = std::vector<Instruction>;
} // namespace

static size_t below(Random &random, size_t count) { return random() % count; }

/// The position of a random instruction with this operation, if there is one.
static std::optional<size_t> pick(Random &random, const List &list, Op op) {
  std::vector<size_t> places;
  for (size_t i = 0; i < list.size(); ++i)
    if (list[i].op == op)
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

/// Breaks a program in one of many ways; false if that way does not apply.
static bool mutate(Random &random, Program &program, int way) {
  List &list = program.devices[below(random, program.devices.size())];
  if (list.size() < 3)
    return false;
  constexpr Op ops[] = {Op::Run, Op::Send, Op::Recv, Op::Reduce, Op::Update};
  std::optional<size_t> at = pick(random, list, ops[way % 5]);
  if (!at)
    return false;
  std::optional<size_t> other = pick(random, list, ops[way % 5]);
  switch (way / 5) {
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
    list[*at].action.kind = Kind(below(random, 4));
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
};
} // namespace

/// Stages and links of different speeds, so that messages are received in other places.
static Costs uneven(const Placement &placement) {
  Costs costs;
  costs.stages.clear();
  for (int stage = 0; stage < placement.stages(); ++stage) {
    double f = 1 + stage % 3 * 0.5;
    costs.stages.push_back({f, 0.8 * f, 1.3 * f, 2.1 * f});
  }
  costs.link = {0.7, 0.4};
  return costs;
}

static void testMutants(Random &random, const Request &asked, const Program &original,
                        int mutants, Counts &counts) {
  std::vector<Held> limits = mostHeld(original);
  expect(!checkMemory(original, {}, limits), toText(asked) + " holds more than it holds");
  expect(Machine(original, limits).run(), toText(asked) + " does not run");
  for (int i = 0; i < mutants; ++i) {
    Program broken = original;
    if (!mutate(random, broken, i % 50))
      continue;
    ++counts.total;
    Checked wrong = check(broken);
    if (!wrong)
      wrong = checkMemory(broken, {}, limits);
    bool names = wrong && wrong->invariant == "names";
    bool runs = !names && Machine(broken, limits).run();
    if (wrong) {
      ++counts.rejected[wrong->invariant];
      counts.needless += runs;
      continue;
    }
    ++counts.accepted;
    expect(runs, toText(asked) + ": mutant " + std::to_string(i) +
                     " is accepted and trains wrongly");
  }
}

static void testFamily(Random &random, const Request &asked, bool isUneven, int mutants,
                       Counts &counts) {
  ErrorOr<Schedule> schedule = buildSchedule(asked);
  if (!schedule)
    return expect(false, schedule.error().text);
  int last = schedule->placement.stages() - 1;
  Costs costs = isUneven ? uneven(schedule->placement) : Costs();
  ErrorOr<Program> original = communicate(*schedule, {{0, last}}, costs);
  expect(original && !check(*original), toText(asked) + " is rejected");
  if (original)
    testMutants(random, asked, *original, mutants, counts);
}

int main() {
  Random random(1);
  Counts counts;
  for (const Family &family : families()) {
    testFamily(random, request(family.name, 4, 8), false, 500, counts);
    testFamily(random, request(family.name, 4, 8), true, 500, counts);
    testFamily(random, request(family.name, 8, 16), false, 200, counts);
    testFamily(random, request(family.name, 8, 16), true, 200, counts);
  }
  std::printf("%d mutants, %d accepted and harmless\n", counts.total, counts.accepted);
  for (const auto &[invariant, count] : counts.rejected)
    std::printf("%5d rejected by '%s'\n", count, invariant.c_str());
  std::printf("%d of the rejected ones would have trained alike\n", counts.needless);
  expect(counts.total >= 200, "too few mutants");
  return report();
}
