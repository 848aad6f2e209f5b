//===- CheckShards.cpp - What devices share out among themselves ------------===//

#include "lib/Runtime/Plan/CheckShards.h"

#include "lib/Runtime/Error.h"
#include "lib/Runtime/Plan/CheckGathers.h"
#include "lib/Runtime/Plan/CheckWhole.h"

#include <algorithm>
#include <map>

using namespace bitpipe;

namespace {

std::string textOf(const auto &op) { return "'" + text(Instruction(op)) + "'"; }

/// Elements of a slot among those of the group, with which it begins there.
Range movedBy(Range range, std::optional<int64_t> begin) {
  return {range.begin + begin.value_or(0), range.end + begin.value_or(0)};
}

/// The collectives and steps of a device, and what rounds weights that were stepped
/// elsewhere.
class ShardChecker {
public:
  ShardChecker(const Program &program, size_t number)
      : program(program), device(program.devices[number]), number(number) {
    const auto &list = device.instructions;
    for (size_t i = 0; i < list.size(); ++i)
      if (std::holds_alternative<GradNorm>(list[i]))
        norm = i;
  }

  void check() {
    const auto &list = device.instructions;
    for (size_t i = 0; i < list.size(); ++i)
      if (auto *op = std::get_if<Collective>(&list[i]); op && !program.updateEvery)
        checkPlace(*op, i); // where those of updates between micro-batches are, checkVersions knows
      else if (auto *op = std::get_if<Step>(&list[i]))
        op->sharded ? checkSharded(*op) : checkUnsharded(*op);
  }

private:
  template <typename... Parts> [[noreturn]] void failHere(const Parts &...parts) {
    fail(program.path, ": error: device ", number, ": ", parts...);
  }

  /// Where an instruction of that kind is that holds of a slot; the end if none is.
  template <typename Op, typename Matches> size_t find(Matches matches) const {
    const auto &list = device.instructions;
    return size_t(std::ranges::find_if(list, [&](const Instruction &op) {
                    auto *found = std::get_if<Op>(&op);
                    return found && matches(*found);
                  }) -
                  list.begin());
  }
  /// The slot that is there in the next step, too.
  static int64_t keptSlot(const Collective &op) { return op.own.value_or(op.slot); }
  size_t findCollective(Collective::Kind kind, int64_t slot) const {
    return find<Collective>([&](const Collective &op) {
      return op.kind == kind && keptSlot(op) == slot;
    });
  }
  bool exists(size_t index) const { return index < device.instructions.size(); }
  const Collective &collective(size_t index) const {
    return std::get<Collective>(device.instructions[index]);
  }

  /// The norm is of sums; what is gathered has been stepped, which is once, unless it is
  /// gathered from slices for the runs, any number of times.
  void checkPlace(const Collective &op, size_t index) {
    bool isGather = op.kind == Collective::AllGather;
    if (isGather && op.own) {
      if (index > norm)
        failHere(textOf(op), " comes after the gradient norm, expected before, for runs");
      return;
    }
    if (isGather != (index > norm))
      failHere(textOf(op), " comes ", isGather ? "before" : "after",
               " the gradient norm, expected ", isGather ? "after" : "before");
    if (findCollective(op.kind, keptSlot(op)) != index)
      failHere(textOf(op), " comes a second time, expected once");
    size_t step = find<Step>([&](const Step &step) {
      return (isGather ? step.weights : step.gradients) == keptSlot(op);
    });
    if (!exists(step))
      failHere(textOf(op), " belongs to no update, expected one of its slot");
    if (isGather && index < step)
      failHere(textOf(op), " comes before the update of its slot, expected after");
  }

  void checkUnsharded(const Step &op) {
    for (size_t index : {findCollective(Collective::ReduceScatter, op.gradients),
                         findCollective(Collective::AllGather, op.weights)})
      if (exists(index))
        failHere(textOf(op), " steps all elements, expected the slice of ",
                 textOf(collective(index)));
  }

  void checkSharded(const Step &op) {
    if (size_t sum = findCollective(Collective::AllReduce, op.gradients); exists(sum))
      failHere(textOf(op), " steps a slice, expected no ", textOf(collective(sum)),
               " of all");
    size_t sum = findCollective(Collective::ReduceScatter, op.gradients);
    size_t gather = findCollective(Collective::AllGather, op.weights);
    if (!exists(sum))
      failHere(textOf(op), " steps a slice, expected a sum of it before");
    checkOwnSlots(op, collective(sum));
    if (op.weightsAt)
      checkGathers(op, collective(sum));
    else if (!exists(gather))
      failHere(textOf(op), " steps a slice, expected a gather of all behind it");
    else
      checkSlices(op, collective(sum), collective(gather));
    checkNormRange(op);
    if (!op.weightsAt)
      checkCopies(op, gather);
  }

  /// A slot that holds a slice alone is filled by a sum into it.
  void checkOwnSlots(const Step &op, const Collective &sum) {
    if (bool(op.gradientsAt) != bool(sum.own))
      failHere(textOf(sum), sum.own ? " sums into" : " does not sum into",
               " a slot of the slice, expected as ", textOf(op), " reads it");
  }

  /// Weights of which a slice is kept are gathered in the slices that are stepped, and so are
  /// their copies.
  void checkGathers(const Step &op, const Collective &sum) {
    for (const Instruction &item : device.instructions)
      if (auto *gather = std::get_if<Collective>(&item); gather && gather->kind == Collective::AllGather) {
        int64_t kept = keptSlot(*gather);
        if (kept != op.weights && kept != op.working)
          continue;
        if (!gather->own)
          failHere(textOf(*gather), " gathers in place, expected it from the slice of ", textOf(op));
        checkSlices(op, sum, *gather);
      }
    for (const Resident &resident : device.residents)
      if (resident.slot == op.weights &&
          resident.sliceBegin != *op.weightsAt * int64_t(sizeof(float)) && op.stepped.count() > 0)
        failHere("parameter '", resident.name, "' is in a slice from byte ",
                 resident.sliceBegin.value_or(0), " on, expected ",
                 *op.weightsAt * int64_t(sizeof(float)), " as ", textOf(op), " steps it");
  }

  void checkSlices(const Step &op, const Collective &sum, const Collective &gather) {
    if (sum.devices != gather.devices || sum.slice != gather.slice)
      failHere(textOf(gather), " has slices of ", gather.slice, " on devices ",
               listText(gather.devices), ", expected ", sum.slice, " on devices ",
               listText(sum.devices), " as ", textOf(sum));
    auto members = int64_t(sum.devices.size());
    if (sum.slice * members < op.elements)
      failHere(textOf(sum), " has ", members, " slices of ", sum.slice,
               ", expected at least the ", op.elements, " elements of ", textOf(op));
    int64_t member = std::ranges::find(sum.devices, int64_t(number)) - sum.devices.begin();
    Range own{std::min(member * sum.slice, op.elements),
              std::min((member + 1) * sum.slice, op.elements)};
    if (op.stepped != own)
      failHere(textOf(op), " steps elements ", op.stepped.begin, " to ", op.stepped.end,
               ", expected ", own.begin, " to ", own.end, ", the device's slice");
    for (const Resident &resident : device.residents)
      if (resident.slot == op.weights && resident.trainable &&
          resident.offset + resident.type.bytes() > op.elements * int64_t(sizeof(float)))
        failHere("parameter '", resident.name, "' ends behind the ", op.elements,
                 " elements of ", textOf(op), ", expected all that is trained among them");
  }

  /// Elsewhere the slot does not hold the sum.
  void checkNormRange(const Step &op) {
    auto &taken = std::get<GradNorm>(device.instructions[norm]);
    for (size_t i = 0; i < taken.slots.size(); ++i) {
      Range range = movedBy(taken.ranges[i], op.gradientsAt);
      if (taken.slots[i] == op.gradients &&
          (range.begin < op.stepped.begin || range.end > op.stepped.end))
        failHere("the gradient norm takes elements ", range.begin, " to ", range.end,
                 " of slot ", op.gradients, ", expected some of ", op.stepped.begin, " to ",
                 op.stepped.end, ", whose sum is there");
    }
  }

  /// What others step is rounded when it has come.
  void checkCopies(const Step &op, size_t gather) {
    if (op.working)
      failHere(textOf(op), " rounds a slice, expected all to be rounded behind ",
               textOf(collective(gather)));
    bool hasCopies = std::ranges::any_of(device.residents, [&](const Resident &resident) {
      return resident.slot == op.weights && resident.trainable && resident.working;
    });
    size_t round = find<Round>([&](const Round &one) { return one.weights == op.weights; });
    if (hasCopies && (!exists(round) || round < gather))
      failHere(textOf(op), " is of parameters with working weights, expected them rounded "
               "behind ", textOf(collective(gather)));
  }

  const Program &program;
  const DeviceList &device;
  size_t number, norm = 0;
};

/// What devices do with the parameters of the same stages.
struct Group {
  int64_t elements;
  size_t device; // the first that has it
  std::vector<Range> counted;
};

/// Every gradient is in the norm once, whoever of those that hold it takes it; and so are those of
/// each update between micro-batches.
class NormChecker {
public:
  explicit NormChecker(const Program &program) : program(program) {}

  void check() {
    for (size_t d = 0; d < program.devices.size(); ++d)
      addDevice(d);
    for (auto &[name, group] : groups)
      checkCovered(name.first, group);
  }

private:
  void addDevice(size_t d) {
    std::map<int64_t, std::pair<Group *, std::optional<int64_t>>> byGradients;
    for (const Instruction &op : program.devices[d].instructions)
      if (auto *step = std::get_if<Step>(&op)) {
        int64_t update = step->isBetween() ? program.updateOf(step->microbatch) : 0;
        Group &group = groups.try_emplace({step->stages, update}, Group{step->elements, d, {}}).first->second;
        if (group.elements != step->elements)
          fail(program.path, ": error: '", text(op), "' is over ", step->elements,
               " elements on device ", d, " and ", group.elements, " on device ",
               group.device);
        if (step->isBetween())
          group.counted.push_back(step->counted);
        else
          byGradients[step->gradients] = {&group, step->gradientsAt};
      }
    for (const Instruction &op : program.devices[d].instructions)
      if (auto *norm = std::get_if<GradNorm>(&op))
        for (size_t i = 0; i < norm->slots.size(); ++i)
          if (auto found = byGradients.find(norm->slots[i]); found != byGradients.end())
            found->second.first->counted.push_back(movedBy(norm->ranges[i], found->second.second));
  }

  void checkCovered(const std::vector<int64_t> &stages, Group &group) {
    std::ranges::sort(group.counted, {}, &Range::begin);
    int64_t end = 0;
    for (const Range &range : group.counted) {
      if (range.begin != end && range.count() > 0)
        failAt(stages, range.begin < end ? range.begin : end, range.begin < end ? "twice" : "not");
      end = std::max(end, range.end);
    }
    if (end < group.elements)
      failAt(stages, end, "not");
  }

  [[noreturn]] void failAt(const std::vector<int64_t> &stages, int64_t element,
                           const char *count) {
    fail(program.path, ": error: the gradient norm counts element ", element,
         " of the gradients of stages ", listText(stages), " ", count, ", expected once");
  }

  const Program &program;
  std::map<std::pair<std::vector<int64_t>, int64_t>, Group> groups; // by stages and update
};

} // namespace

void bitpipe::checkShards(const Program &program) {
  for (size_t i = 0; i < program.devices.size(); ++i)
    checkGathers(program, i);
  for (size_t i = 0; i < program.devices.size(); ++i)
    ShardChecker(program, i).check();
  for (size_t i = 0; i < program.devices.size(); ++i)
    checkWhole(program, i);
  NormChecker(program).check();
}
