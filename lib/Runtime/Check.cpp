//===- Check.cpp - What the executor relies on ----------------------------===//
//
// A plan is a text file that anybody may have edited. Everything that would
// make the executor read or write outside its memory is refused here, so that
// its loops need no checks.
//
//===----------------------------------------------------------------------===//

#include "lib/Runtime/ABI.h"
#include "lib/Runtime/Error.h"
#include "lib/Runtime/Hash.h"
#include "lib/Runtime/Load.h"

#include <algorithm>

using namespace bitpipe;

namespace {

/// Bytes from an operand's first to behind its last element.
int64_t extent(const std::vector<int64_t> &sizes,
               const std::vector<int64_t> &strides, size_t row, size_t column) {
  size_t batch = sizes.size() - 3;
  int64_t last = (sizes[row] - 1) * strides[batch] +
                 (sizes[column] - 1) * strides[batch + 1];
  for (size_t i = 0; i < batch; ++i)
    last += (sizes[i] - 1) * strides[i];
  return (last + 1) * sizeof(float);
}

class RoutineChecker {
public:
  RoutineChecker(const Program &program, const Routine &routine)
      : program(program), routine(routine) {}

  void operator()(const KernelCall &call) {
    for (const Place &place : call.arguments)
      check(call.name, place, 0);
  }

  void operator()(const MatmulCall &call) {
    auto negative = [](int64_t value) { return value < 0; };
    auto empty = [](int64_t value) { return value < 1; };
    for (auto *strides : {&call.aStrides, &call.bStrides, &call.cStrides})
      if (std::ranges::any_of(*strides, negative))
        failHere("matmul has strides ",
             listText(*strides), ", expected none below 0");
    if (std::ranges::any_of(call.sizes, empty))
      failHere("matmul has sizes ",
           listText(call.sizes), ", expected at least 1 each");
    size_t m = call.sizes.size() - 3, n = m + 1, k = m + 2;
    int64_t result = extent(call.sizes, call.cStrides, m, n);
    check("matmul", call.a, extent(call.sizes, call.aStrides, m, k));
    check("matmul", call.b, extent(call.sizes, call.bStrides, k, n));
    check("matmul", call.c, result);
    if (call.bias)
      check("matmul", *call.bias, call.sizes[n] * sizeof(float));
    if (call.residual)
      check("matmul", *call.residual, result);
  }

private:
  template <typename... Parts> [[noreturn]] void failHere(const Parts &...parts) {
    fail(program.path, ": error: routine ", routine.name, ": ", parts...);
  }

  void check(const std::string &what, const Place &place, int64_t bytes) {
    if (place.block < 0 || place.block >= int64_t(routine.blocks.size()))
      failHere(what, " uses block ", place.block,
           ", expected one below ", routine.blocks.size());
    int64_t size = routine.blocks[place.block];
    if (place.offset < 0 || place.offset > size || bytes > size - place.offset)
      failHere(what, " uses bytes ", place.offset,
           " to ", place.offset + bytes, " of block ", place.block,
           ", which has ", size);
  }

  const Program &program;
  const Routine &routine;
};

class DeviceChecker {
public:
  DeviceChecker(const Program &program, size_t number)
      : program(program), device(program.devices[number]), number(number) {}

  void check() {
    if (device.arena < 0)
      failHere("arena of ", device.arena, " bytes");
    for (const Slot &slot : device.slots)
      checkSlot(slot);
    checkMessagesAlone();
    for (const Resident &resident : device.residents)
      checkResident(resident);
    for (const Instruction &instruction : device.instructions)
      std::visit(*this, instruction);
    checkNorm();
  }

  void operator()(const Execute &op) {
    const Routine &routine = program.routines[op.routine];
    if (op.slots.size() != routine.blocks.size())
      failHere(text(op.run), " binds ", op.slots.size(), " slots to routine ",
               routine.name, ", expected ", routine.blocks.size());
    for (size_t i = 0; i < op.slots.size(); ++i)
      checkHolds(text(op.run), op.slots[i], routine.blocks[i]);
  }
  void operator()(const Transmit &op) {
    checkHolds(text(op), op.slot, 0);
    checkPeer(text(op), op.to);
    if (!device.slots[op.slot].inArena())
      failHere(text(op), " sends an input or seed slot");
  }
  void operator()(const Receive &op) {
    checkHolds(text(op), op.slot, 0);
    checkPeer(text(op), op.from);
    if (!device.slots[op.slot].inArena())
      failHere(text(op), " writes an input or seed slot");
  }
  void operator()(const AllReduce &op) {
    checkSource(text(op), op.slot, SlotSource::Gradients);
    for (int64_t peer : op.devices)
      if (peer < 0 || peer >= int64_t(program.devices.size()))
        failHere(text(op), " names device ", peer);
    if (std::ranges::find(op.devices, int64_t(number)) == op.devices.end())
      failHere(text(op), " is over devices ", listText(op.devices),
               ", expected this device among them");
  }
  void operator()(const GradNorm &op) {
    for (int64_t slot : op.slots)
      checkSource(text(op), slot, SlotSource::Gradients);
  }
  void operator()(const Step &op) {
    int64_t bytes = op.elements * sizeof(float);
    checkSource(text(op), op.weights, SlotSource::Weights, bytes);
    checkSource(text(op), op.gradients, SlotSource::Gradients, bytes);
    if (op.moment1)
      checkSource(text(op), *op.moment1, SlotSource::Moment1, bytes);
    if (op.moment2)
      checkSource(text(op), *op.moment2, SlotSource::Moment2, bytes);
    if (program.optimizer == "adamw" && !(op.moment1 && op.moment2))
      failHere(text(op), " has no moments, expected two for adamw");
  }

private:
  template <typename... Parts> [[noreturn]] void failHere(const Parts &...parts) {
    fail(program.path, ": error: device ", number, ": ", parts...);
  }

  static std::string text(const auto &op) {
    if constexpr (std::is_same_v<std::decay_t<decltype(op)>, RunName>)
      return bitpipe::text(op);
    else
      return bitpipe::text(Instruction(op));
  }

  void checkSlot(const Slot &slot) {
    size_t index = &slot - device.slots.data();
    if (slot.inArena() &&
        (slot.offset < 0 || slot.offset % abi::alignment || slot.size < 0 ||
         slot.offset > device.arena || slot.size > device.arena - slot.offset))
      failHere("slot ", index, " has ", slot.size, " bytes at ", slot.offset,
               ", expected them within the arena of ", device.arena,
               " and aligned to ", abi::alignment);
    bool perMicrobatch =
        slot.source == SlotSource::Input || slot.source == SlotSource::Loss;
    if (perMicrobatch && (slot.microbatch < 0 ||
                          slot.microbatch >= program.microbatches))
      failHere("slot ", index, " is of micro-batch ", slot.microbatch,
               ", expected one below ", program.microbatches);
    if (slot.source == SlotSource::Input &&
        slot.size > program.inputs[slot.input].type.bytes())
      failHere("slot ", index, " has ", slot.size, " bytes, but input '",
               program.inputs[slot.input].name, "' ",
               program.inputs[slot.input].type.bytes());
    if ((slot.source == SlotSource::Seed && slot.size > 4) ||
        (slot.source == SlotSource::Loss && slot.size < 4))
      failHere("slot ", index, " has ", slot.size, " bytes, expected 4");
  }

  /// The norm is taken of whole gradients, so before the first update clears
  /// any, and by every device, since each waits for all.
  void checkNorm() {
    auto isNorm = [](const Instruction &op) {
      return std::holds_alternative<GradNorm>(op);
    };
    auto isStep = [](const Instruction &op) {
      return std::holds_alternative<Step>(op);
    };
    const auto &list = device.instructions;
    if (std::ranges::count_if(list, isNorm) != 1)
      failHere("takes ", std::ranges::count_if(list, isNorm),
               " gradient norms, expected 1");
    if (std::ranges::find_if(list, isStep) < std::ranges::find_if(list, isNorm))
      failHere("updates before the gradient norm, expected after");
  }

  /// Memory of message slots moves between devices, so nothing may share it.
  void checkMessagesAlone() {
    std::vector<size_t> order;
    for (size_t i = 0; i < device.slots.size(); ++i)
      if (device.slots[i].inArena())
        order.push_back(i);
    std::ranges::sort(order, {}, [&](size_t i) { return device.slots[i].offset; });
    int64_t end = 0, messageEnd = 0;
    for (size_t i : order) {
      const Slot &slot = device.slots[i];
      bool message = slot.source == SlotSource::Message;
      if (slot.offset < messageEnd || (message && slot.offset < end))
        failHere("slot ", i, " shares memory with a message slot");
      end = std::max(end, slot.offset + slot.size);
      if (message)
        messageEnd = std::max(messageEnd, slot.offset + slot.size);
    }
  }

  void checkResident(const Resident &resident) {
    checkSource("parameter '" + resident.name + "'", resident.slot,
                SlotSource::Weights, resident.offset + resident.type.bytes());
    if (resident.offset < 0)
      failHere("parameter '", resident.name, "' has offset ", resident.offset);
    for (const Parameter &parameter : program.parameters)
      if (parameter.name == resident.name &&
          (parameter.type.element != resident.type.element ||
           parameter.type.shape != resident.type.shape))
        failHere("parameter '", resident.name, "' has shape ",
                 listText(resident.type.shape), ", expected ",
                 listText(parameter.type.shape), " as saved");
  }

  void checkHolds(const std::string &what, int64_t slot, int64_t bytes) {
    if (slot < 0 || slot >= int64_t(device.slots.size()))
      failHere(what, " uses slot ", slot, ", expected one below ",
               device.slots.size());
    if (device.slots[slot].size < bytes)
      failHere(what, " needs ", bytes, " bytes in slot ", slot, ", which has ",
               device.slots[slot].size);
  }

  void checkSource(const std::string &what, int64_t slot, SlotSource source,
                   int64_t bytes = 0) {
    checkHolds(what, slot, bytes);
    if (device.slots[slot].source != source)
      failHere(what, " uses slot ", slot, ", which is of another kind");
  }

  void checkPeer(const std::string &what, int64_t peer) {
    if (peer < 0 || peer >= int64_t(program.devices.size()) ||
        peer == int64_t(number))
      failHere(what, ", expected another device below ",
               program.devices.size());
  }

  const Program &program;
  const Device &device;
  size_t number;
};

void checkFile(const Program &program, const char *what,
               const std::string &path, const std::string &expected) {
  auto got = hashFile(path);
  if (!got)
    fail(path, ": error: cannot read the ", what, " of ", program.path);
  if (*got != expected)
    fail(path, ": error: the ", what, " do not belong to ", program.path,
         ": hash is ", *got, ", expected ", expected);
}

} // namespace

void bitpipe::checkProgram(const Program &program) {
  if (program.target != "cpu")
    fail(program.path, ": error: plan is for target '", program.target,
         "', expected 'cpu': bitpipe-run is built without others");
  if (program.microbatches < 1)
    fail(program.path, ": error: ", program.microbatches,
         " micro-batches, expected at least 1");
  if (program.inputs.empty())
    fail(program.path, ": error: the model has no inputs");
  for (const ModelInput &input : program.inputs)
    if (input.type.shape.empty() ||
        input.type.shape.front() != program.samples())
      fail(program.path, ": error: input '", input.name, "' has shape ",
           listText(input.type.shape), ", expected ", program.samples(),
           " samples along axis 0 as the first input");
  if (program.loss == "labels" && program.labels < 0)
    fail(program.path, ": error: loss 'labels', but no input holds labels");
  if (program.loss != "labels" && program.loss != "microbatches")
    fail(program.path, ": error: loss is '", program.loss,
         "', expected 'labels' or 'microbatches'");
  if (program.optimizer != "adamw" && program.optimizer != "sgd" &&
      program.optimizer != "none")
    fail(program.path, ": error: optimizer is '", program.optimizer,
         "', expected adamw, sgd or none");
  for (const Routine &routine : program.routines)
    for (const Call &call : routine.calls)
      std::visit(RoutineChecker(program, routine), call);
  std::vector<int> losses(program.microbatches);
  for (size_t i = 0; i < program.devices.size(); ++i) {
    DeviceChecker(program, i).check();
    for (const Slot &slot : program.devices[i].slots)
      if (slot.source == SlotSource::Loss)
        ++losses[slot.microbatch];
  }
  for (size_t mb = 0; mb < losses.size(); ++mb)
    if (losses[mb] != 1)
      fail(program.path, ": error: micro-batch ", mb, " has ", losses[mb],
           " loss slots, expected 1");
}

void bitpipe::checkFiles(const Program &program) {
  checkFile(program, "weights", program.weightsPath, program.weightsHash);
  checkFile(program, "kernels", program.kernelsPath, program.kernelsHash);
}
