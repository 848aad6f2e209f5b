//===- CheckDevice.cpp - What the executor relies on of one device --------===//

#include "lib/Runtime/Plan/CheckDevice.h"

#include "lib/Runtime/ABI.h"
#include "lib/Runtime/Error.h"
#include "lib/Runtime/Plan/Checked.h"

#include <algorithm>
#include <set>

using namespace bitpipe;

namespace {

class DeviceChecker {
public:
  /// Stages are numbered from 0 to below `stages`.
  DeviceChecker(const Program &program, size_t number, int64_t stages)
      : program(program), device(program.devices[number]), number(number),
        stages(stages) {}

  void check() {
    if (device.arena < 0)
      failHere("arena of ", device.arena, " bytes");
    for (const Slot &slot : device.slots)
      checkSlot(slot);
    checkAlone();
    for (const Resident &resident : device.residents)
      checkResident(resident);
    for (const Instruction &instruction : device.instructions)
      std::visit(*this, instruction);
    checkRounded();
    checkNorm();
  }

  void operator()(const Execute &op) {
    checkRun(op.run);
    const Routine &routine = program.routines[op.routine];
    if (op.slots.size() != routine.blocks.size())
      failHere(text(op.run), " binds ", op.slots.size(), " slots to routine ",
               routine.name, ", expected ", routine.blocks.size());
    for (size_t i = 0; i < op.slots.size(); ++i) {
      checkHolds(text(op.run), op.slots[i], routine.blocks[i]);
      if (device.slots[op.slots[i]].onHost())
        failHere(text(op.run), " uses slot ", op.slots[i], ", which is on the host");
    }
  }
  void operator()(const Transmit &op) {
    checkRun(op.run);
    checkHolds(text(op), op.slot, 0);
    checkPeer(text(op), op.to, op.run.isMove());
    checkEnd(text(op), op.slot, op.run.kind == 'G' && op.to == int64_t(number));
  }
  void operator()(const Receive &op) {
    checkRun(op.run);
    checkHolds(text(op), op.slot, 0);
    checkPeer(text(op), op.from, op.run.isMove());
    checkEnd(text(op), op.slot, op.run.kind == 'E' && op.from == int64_t(number));
  }
  void operator()(const Collective &op) {
    checkStages(text(op), op.stages);
    Checked bytes = 0;
    if (op.kind != Collective::AllReduce) {
      if (op.slice < 1)
        failHere(text(op), " has slices of ", op.slice, " elements, expected at least 1");
      bytes = Checked(op.slice) * int64_t(op.devices.size()) * int64_t(sizeof(float));
    }
    for (int64_t peer : op.devices)
      if (peer < 0 || peer >= int64_t(program.devices.size()))
        failHere(text(op), " names device ", peer);
    if (std::ranges::find(op.devices, int64_t(number)) == op.devices.end())
      failHere(text(op), " is over devices ", listText(op.devices),
               ", expected this device among them");
    if (std::set(op.devices.begin(), op.devices.end()).size() != op.devices.size())
      failHere(text(op), " is over devices ", listText(op.devices),
               ", expected each once");
    if (!op.within.empty()) // which checkGathers knows
      return checkSource(text(op), op.slot, SlotSource::Arena);
    SlotSource kept = op.kind == Collective::AllGather ? SlotSource::Weights
                                                       : SlotSource::Gradients;
    checkSource(text(op), op.slot, op.own ? SlotSource::Arena : kept, bytes);
    if (op.own)
      checkSource(text(op), *op.own, kept, Checked(op.slice) * int64_t(sizeof(float)));
  }
  void operator()(const Clear &op) {
    checkStages(text(op), op.stages);
    checkSource(text(op), op.slot, SlotSource::Arena);
  }
  void operator()(const GradNorm &op) {
    for (size_t i = 0; i < op.slots.size(); ++i) {
      auto [begin, end] = op.ranges[i];
      if (begin < 0 || end < begin)
        failHere(text(op), " takes elements ", begin, " to ", end, " of slot ", op.slots[i]);
      checkSource(text(op), op.slots[i], SlotSource::Gradients, Checked(end) * sizeof(float));
    }
  }
  void operator()(const Step &op) {
    Checked bytes = Checked(op.elements) * sizeof(float);
    if (op.elements < 0)
      failHere(text(op), " is over ", op.elements, " elements");
    auto [begin, end] = op.stepped;
    if (begin < 0 || end < begin || end > op.elements)
      failHere(text(op), " steps elements ", begin, " to ", end, ", expected some of its ",
               op.elements);
    Checked momentBytes = Checked(end - begin) * sizeof(float);
    checkStages(text(op), op.stages);
    if (op.isBetween() && op.sharded)
      failHere(text(op), " steps a slice, expected all elements between micro-batches");
    for (std::optional<int64_t> at : {op.weightsAt, op.gradientsAt})
      if (at && (*at != begin || !op.sharded))
        failHere(text(op), " has a slot that begins with element ", *at, ", expected ", begin,
                 ", with which the slice does that it steps");
    checkSource(text(op), op.weights, SlotSource::Weights, op.weightsAt ? momentBytes : bytes);
    checkSource(text(op), op.gradients, SlotSource::Gradients, op.gradientsAt ? momentBytes : bytes);
    if (op.moment1)
      checkSource(text(op), *op.moment1, SlotSource::Moment1, momentBytes);
    if (op.moment2)
      checkSource(text(op), *op.moment2, SlotSource::Moment2, momentBytes);
    checkWorking(op);
    int64_t moments = bool(op.moment1) + bool(op.moment2);
    if (moments != (program.optimizer == "adamw" ? 2 : 0))
      failHere(text(op), " has ", moments, " moments, expected 2 for adamw and "
               "none for other optimizers");
  }
  void operator()(const Stash &op) {
    checkStages(text(op), op.stages);
    auto checkCopy = [&](int64_t from, SlotSource source, int64_t into) {
      checkSource(text(op), from, source);
      checkSource(text(op), into, SlotSource::Stashed);
      int64_t bytes = device.slots[from].size, room = device.slots[into].size;
      if (bytes != room)
        failHere(text(op), " copies ", bytes, " bytes into slot ", into, ", which has ", room);
    };
    checkCopy(op.weights, SlotSource::Weights, op.kept);
    if (op.working)
      checkCopy(*op.working, SlotSource::Working, *op.workingKept);
  }
  void operator()(const Round &op) {
    checkStages(text(op), op.stages);
    if (op.elements < 0)
      failHere(text(op), " is over ", op.elements, " elements");
    checkSource(text(op), op.weights, SlotSource::Weights, Checked(op.elements) * sizeof(float));
    checkSource(text(op), op.working, SlotSource::Working,
                Checked(op.elements) * sizeOf(StoredFloat::BF16));
    checkCopies(text(op), op.weights, op.working, op.elements);
  }

private:
  /// What is trained and has a copy is stepped, which rounds it.
  void checkRounded() {
    std::set<int64_t> stepped;
    for (const Instruction &instruction : device.instructions)
      if (auto *step = std::get_if<Step>(&instruction))
        stepped.insert(step->weights); // a sharded one is followed by a round
    for (const Resident &resident : device.residents)
      if (resident.trainable && resident.working && !stepped.contains(resident.slot))
        failHere("parameter '", resident.name,
                 "' has working weights, expected an update that rounds them");
  }

  /// Every copy of a trained parameter is one that the step rounds: at half the
  /// parameter's place among those that it does.
  void checkWorking(const Step &op) {
    if (op.workingElements < 0 || op.workingElements > op.elements ||
        (!op.working && op.workingElements))
      failHere(text(op), " rounds ", op.workingElements, " of ", op.elements,
               " elements", op.working ? "" : " into no slot");
    int64_t rounded = op.workingElements;
    if (op.weightsAt) // of the slice alone
      rounded = std::clamp<int64_t>(rounded - *op.weightsAt, 0, op.stepped.count());
    if (op.working)
      checkSource(text(op), *op.working, SlotSource::Working,
                  Checked(rounded) * sizeOf(StoredFloat::BF16));
    if (!op.sharded || op.weightsAt)
      checkCopies(text(op), op.weights, op.working.value_or(-1), op.workingElements);
  }

  void checkCopies(const std::string &what, int64_t weights, int64_t working,
                   int64_t elements) {
    for (const Resident &resident : device.residents) {
      if (resident.slot != weights || !resident.trainable || !resident.working)
        continue;
      auto [slot, offset] = *resident.working;
      Resident::Part part = resident.partIn(device.slots[weights].size);
      Checked end = Checked(resident.offset) + resident.type.bytes();
      if (part.bytes == 0) // others have it
        continue;
      if (slot != working || part.offset % 2 || part.offset / 2 != offset ||
          !end.within(elements * int64_t(sizeof(float))))
        failHere("parameter '", resident.name, "' has working weights at ", offset,
                 " of slot ", slot, ", expected where ", what, " rounds them to");
    }
  }

  template <typename... Parts> [[noreturn]] void failHere(const Parts &...parts) {
    fail(program.path, ": error: device ", number, ": ", parts...);
  }

  int64_t alignment() const {
    return program.isForGPUs() ? abi::gpuAlignment : abi::alignment;
  }

  static std::string text(const auto &op) {
    if constexpr (std::is_same_v<std::decay_t<decltype(op)>, RunName>)
      return bitpipe::text(op);
    else
      return bitpipe::text(Instruction(op));
  }

  void checkSlot(const Slot &slot) {
    size_t index = &slot - device.slots.data();
    if (slot.size < 0)
      failHere("slot ", index, " has ", slot.size, " bytes");
    int64_t bytes = slot.onHost() ? device.host : device.arena;
    if ((slot.inArena() || slot.onHost()) &&
        (slot.offset < 0 || slot.offset % alignment() ||
         slot.offset > bytes || slot.size > bytes - slot.offset))
      failHere("slot ", index, " has ", slot.size, " bytes at ", slot.offset,
               ", expected them within the arena ", slot.onHost() ? "on the host " : "", "of ", bytes,
               " and aligned to ", alignment());
    bool perMicrobatch = (slot.source == SlotSource::Seed && program.updateEvery) ||
                         slot.source == SlotSource::Input ||
                         slot.source == SlotSource::Key ||
                         slot.source == SlotSource::Loss;
    if (perMicrobatch && (slot.microbatch < 0 ||
                          slot.microbatch >= program.microbatches))
      failHere("slot ", index, " is of micro-batch ", slot.microbatch,
               ", expected one below ", program.microbatches);
    if (slot.source == SlotSource::Input &&
        slot.size > program.inputs[slot.input].type.bytes())
      failHere("slot ", index, " has ", slot.size, " bytes, but input '",
               program.inputs[slot.input].name, "' ",
               program.inputs[slot.input].type.bytes());
    // The loss sum, and behind it what it is divided by.
    int64_t scalars = program.loss == "counts" ? 8 : 4;
    if ((slot.source == SlotSource::Seed && slot.size > scalars) ||
        (slot.source == SlotSource::Loss && slot.size < scalars))
      failHere("slot ", index, " has ", slot.size, " bytes, expected ", scalars);
    if (slot.source == SlotSource::Key && (slot.size > 8 || slot.dropout < 0))
      failHere("slot ", index, " has ", slot.size, " bytes for the key of dropout ",
               slot.dropout, ", expected 8 for one from 0 on");
  }

  void checkRun(const RunName &run) {
    checkStages(bitpipe::text(run), {run.stage});
    if (run.microbatch < 0 || run.microbatch >= program.microbatches)
      failHere(bitpipe::text(run), ", expected one of ", program.microbatches,
               " micro-batches");
  }

  void checkStages(const std::string &what, const std::vector<int64_t> &named) {
    for (int64_t stage : named)
      if (stage < 0 || stage >= stages)
        failHere(what, " names stage ", stage, ", expected one of the ", stages,
                 " that the plan runs, from 0 on");
  }

  /// The norm is taken of whole gradients, so after all runs, before the first
  /// update clears any, and by every device, since each waits for all. What it
  /// decides depends on the losses too.
  void checkNorm() {
    auto isNorm = [](const Instruction &op) {
      return std::holds_alternative<GradNorm>(op);
    };
    auto isStep = [](const Instruction &op) {
      auto *step = std::get_if<Step>(&op);
      return step && !step->isBetween(); // what these must be, checkVersions knows
    };
    const auto &list = device.instructions;
    if (std::ranges::count_if(list, isNorm) != 1)
      failHere("takes ", std::ranges::count_if(list, isNorm),
               " gradient norms, expected 1");
    auto norm = std::ranges::find_if(list, isNorm);
    // On GPUs a step ends with what its devices have sent before they judge it. Which
    // collectives may come later, checkShards knows.
    auto late = std::find_if(norm, list.end(), [&](const Instruction &op) {
      bool isMessage = std::holds_alternative<Transmit>(op) || std::holds_alternative<Receive>(op);
      return std::holds_alternative<Execute>(op) || (program.isForGPUs() && isMessage);
    });
    if (late != list.end())
      failHere("'", bitpipe::text(*late),
               "' comes after the gradient norm, expected before");
    if (std::ranges::find_if(list, isStep) < norm)
      failHere("updates before the gradient norm, expected after");
  }

  /// Memory of message slots moves between devices, and what is kept from step
  /// to step is always alive, so nothing may share either.
  void checkAlone() {
    std::vector<size_t> order;
    for (size_t i = 0; i < device.slots.size(); ++i)
      if (device.slots[i].inArena())
        order.push_back(i);
    std::ranges::sort(order, {}, [&](size_t i) { return device.slots[i].offset; });
    int64_t end = 0, aloneEnd = 0;
    for (size_t i : order) {
      const Slot &slot = device.slots[i];
      bool alone =
          slot.source != SlotSource::Arena && slot.source != SlotSource::Loss;
      if (slot.size && (slot.offset < aloneEnd || (alone && slot.offset < end)))
        failHere("slot ", i, " shares memory with another, expected messages, "
                 "weights, gradients and moments alone");
      end = std::max(end, slot.offset + slot.size);
      if (alone)
        aloneEnd = std::max(aloneEnd, slot.offset + slot.size);
    }
  }

  void checkResident(const Resident &resident) {
    if (resident.offset < 0)
      failHere("parameter '", resident.name, "' has offset ", resident.offset);
    checkSource("parameter '" + resident.name + "'", resident.slot, SlotSource::Weights,
                resident.sliceBegin ? Checked(0)
                                    : Checked(resident.offset) + resident.type.bytes());
    if (resident.sliceBegin.value_or(0) < 0)
      failHere("parameter '", resident.name, "' is in a slice from byte ", *resident.sliceBegin,
               " on, expected 0 or more");
    Resident::Part part = resident.partIn(device.slots[resident.slot].size);
    if (auto working = resident.working) {
      if (resident.type.element != ElementType::F32 || working->offset < 0)
        failHere("parameter '", resident.name, "' of ", nameOf(resident.type.element),
                 " has working weights at ", working->offset,
                 ", expected them of F32 and from 0 on");
      checkSource("parameter '" + resident.name + "'", working->slot, SlotSource::Working,
                  Checked(working->offset) + part.bytes / 2);
    }
    for (const Parameter &parameter : program.parameters)
      if (parameter.name == resident.name &&
          (parameter.type.element != resident.type.element ||
           parameter.type.shape != resident.type.shape))
        failHere("parameter '", resident.name, "' has shape ",
                 listText(resident.type.shape), ", expected ",
                 listText(parameter.type.shape), " as saved");
  }

  void checkHolds(const std::string &what, int64_t slot, Checked bytes) {
    if (slot < 0 || slot >= int64_t(device.slots.size()))
      failHere(what, " uses slot ", slot, ", expected one below ",
               device.slots.size());
    if (!bytes.within(device.slots[slot].size))
      failHere(what, " needs ",
               bytes.get() ? std::to_string(*bytes.get()) : "over 2^63",
               " bytes in slot ", slot, ", which has ",
               device.slots[slot].size);
  }

  void checkSource(const std::string &what, int64_t slot, SlotSource source,
                   Checked bytes = 0) {
    checkHolds(what, slot, bytes);
    if (device.slots[slot].source != source)
      failHere(what, " uses slot ", slot, ", which is of another kind");
  }

  /// What moves may be between a device and its host.
  void checkPeer(const std::string &what, int64_t peer, bool isMove) {
    if (peer < 0 || peer >= int64_t(program.devices.size()) ||
        (peer == int64_t(number) && !isMove))
      failHere(what, ", expected another device below ",
               program.devices.size());
  }

  /// An end of a message is memory of the device, or of its host.
  void checkEnd(const std::string &what, int64_t slot, bool isOfHost) {
    const Slot &end = device.slots[slot];
    if (isOfHost ? !end.onHost() : !end.inArena())
      failHere(what, " uses slot ", slot, ", expected one ", isOfHost ? "on the host" : "in the arena");
  }

  const Program &program;
  const DeviceList &device;
  size_t number;
  int64_t stages;
};

} // namespace

void bitpipe::checkDevice(const Program &program, size_t number, int64_t stages) {
  DeviceChecker(program, number, stages).check();
}
