//===- DeviceMemory.cpp - Addresses for the pieces of a device -------------===//

#include "lib/Transforms/Lower/DeviceMemory.h"

using namespace mlir;
using namespace bitpipe;
using namespace bitpipe::lower;

namespace {

class MemoryLayout {
public:
  MemoryLayout(const DeviceProgram &program, ArrayRef<StringRef> inputs, int64_t alignment)
      : program(program), inputs(inputs), alignment(alignment) {
    memory.slotOfPiece.assign(program.pieces.size(), -1);
  }

  /// Weights, their copies, gradients and moments of every group.
  void addParameters(const ParameterGroups &groups, bool hasMoments) {
    auto slotBytes = [&](int64_t number, int64_t bytes, const std::set<int64_t> &sliced) {
      const Slices &slices = program.slices.at(number);
      if (sliced.contains(number))
        return slices.slice * int64_t(sizeof(float));
      return program.sharded.contains(number) ? std::max(bytes, slices.bytes()) : bytes;
    };
    for (int64_t number : program.groups)
      memory.weights[number] = addForGood(
          "weights", slotBytes(number, groups.all()[number].bytes, program.gathered));
    for (int64_t number : program.groups)
      if (int64_t bytes = groups.all()[number].workingBytes)
        memory.working[number] = addForGood(
            "working", program.gathered.contains(number) ? ownCopyBytes(number, groups) : bytes);
    for (int64_t number : program.groups)
      if (int64_t bytes = groups.all()[number].trainableBytes)
        memory.gradients[number] =
            addForGood("gradients", slotBytes(number, bytes, program.scattered));
    if (!hasMoments)
      return;
    addMoments("moment1", memory.moment1, groups);
    addMoments("moment2", memory.moment2, groups);
  }

  void run() {
    for (auto [i, piece] : llvm::enumerate(program.pieces))
      memory.slotOfPiece[i] = addFixed(piece);
    addMessages();
    addStashed();
    memory.arena += addShared("arena", memory.arena);
    memory.host = addShared("host", 0);
  }

  DeviceMemory memory;

private:
  /// Of the copies that fall into the device's slice.
  int64_t ownCopyBytes(int64_t number, const ParameterGroups &groups) const {
    constexpr int64_t copySize = 2;
    const ParameterGroup &group = groups.all()[number];
    auto [begin, end] = program.slices.at(number).of(program.index);
    return copySize * (group.copiesBefore(end) - group.copiesBefore(begin));
  }

  /// Of the elements that the device steps.
  void addMoments(StringRef source, std::map<int64_t, int64_t> &slots,
                  const ParameterGroups &groups) {
    for (auto &[number, gradients] : memory.gradients) {
      auto [begin, end] = program.sharded.contains(number)
                              ? program.stepped(number, groups)
                              : std::pair<int64_t, int64_t>(0, program.slices.at(number).elements);
      slots[number] = addForGood(source, (end - begin) * int64_t(sizeof(float)));
    }
  }

  int64_t addSlot(Slot slot) {
    memory.slots.push_back(std::move(slot));
    return memory.slots.size() - 1;
  }
  /// A slot whose memory is shared with no other.
  int64_t addForGood(StringRef source, int64_t bytes) {
    int64_t offset = memory.arena;
    memory.arena += aligned(bytes, alignment);
    return addSlot({source, bytes, offset, {}, {}});
  }

  /// Slots that are no matter of lifetimes; -1 for all others.
  int64_t addFixed(const Piece &piece) {
    auto [block, stage, microbatch, version, onHost] = piece.name;
    int64_t bytes = piece.lifetime.bytes;
    if (version >= 0)
      return -1;
    switch (block.role) {
    case Role::Weights:
      return program.gathered.contains(block.number) ? -1 : memory.weights.at(block.number);
    case Role::Working:
      return program.gathered.contains(block.number) ? -1 : memory.working.at(block.number);
    case Role::Gradients:
      return program.scattered.contains(block.number) ? -1 : memory.gradients.at(block.number);
    case Role::Input:
      return addSlot({"input", bytes, {}, inputs[block.number].str(), microbatch});
    case Role::Key:
      return addSlot({"key", bytes, {}, {}, microbatch, block.number});
    case Role::Seed:
      return addSlot({"seed", bytes, {}, {},
                      program.versions ? std::optional(microbatch) : std::nullopt});
    case Role::Loss: { // read when the step is over
      int64_t slot = addForGood("loss", bytes);
      memory.slots[slot].microbatch = microbatch;
      return slot;
    }
    default:
      return -1;
    }
  }

  /// Messages of one size share slots one after the other.
  void addMessages() {
    std::map<int64_t, std::vector<unsigned>> bySize;
    for (auto [i, piece] : llvm::enumerate(program.pieces))
      if (piece.isMessage)
        bySize[piece.lifetime.bytes].push_back(i);
    for (auto &[bytes, pieces] : bySize)
      addInTurn("message", bytes, pieces);
  }

  /// So do older versions of one group's weights.
  void addStashed() {
    std::map<RoutineBlock, std::vector<unsigned>> byBlock;
    for (auto [i, piece] : llvm::enumerate(program.pieces))
      if (piece.name.version >= 0)
        byBlock[piece.name.block].push_back(i);
    for (auto &[block, pieces] : byBlock)
      addInTurn("stashed", program.pieces[pieces.front()].lifetime.bytes, pieces);
  }

  /// As few slots as there are pieces alive at once.
  void addInTurn(StringRef source, int64_t bytes, ArrayRef<unsigned> pieces) {
    std::vector<int64_t> colours = colour(lifetimesOf(pieces));
    std::map<int64_t, int64_t> slots; // by colour
    for (auto [piece, number] : llvm::zip(pieces, colours)) {
      auto [entry, isNew] = slots.try_emplace(number, -1);
      if (isNew)
        entry->second = addForGood(source, bytes);
      memory.slotOfPiece[piece] = entry->second;
    }
  }

  /// Everything else in the arena, or on the host: overlaid where never alive at once, from
  /// `begin` on. Returns the bytes that it takes.
  int64_t addShared(StringRef source, int64_t begin) {
    std::vector<unsigned> pieces;
    for (auto [i, slot] : llvm::enumerate(memory.slotOfPiece))
      if (slot < 0 && program.pieces[i].name.onHost == (source == "host"))
        pieces.push_back(i);
    Packing packing = pack(lifetimesOf(pieces), alignment);
    for (auto [i, offset] : llvm::zip(pieces, packing.offsets)) {
      const Piece &piece = program.pieces[i];
      Slot slot{source, piece.lifetime.bytes, begin + offset,
                piece.name.block.text(), {}};
      if (piece.name.block.role != Role::Scratch) {
        slot.name += " " + std::to_string(piece.name.stage);
        slot.microbatch = piece.name.microbatch;
      }
      memory.slotOfPiece[i] = addSlot(std::move(slot));
    }
    return packing.bytes;
  }

  std::vector<Lifetime> lifetimesOf(ArrayRef<unsigned> pieces) const {
    std::vector<Lifetime> lifetimes;
    for (unsigned piece : pieces)
      lifetimes.push_back(program.pieces[piece].lifetime);
    return lifetimes;
  }

  const DeviceProgram &program;
  ArrayRef<StringRef> inputs;
  int64_t alignment;
};

} // namespace

DeviceMemory lower::layOutMemory(const DeviceProgram &program,
                                   const ParameterGroups &groups,
                                   bool hasMoments,
                                   ArrayRef<StringRef> inputs, int64_t alignment) {
  MemoryLayout layout(program, inputs, alignment);
  layout.addParameters(groups, hasMoments);
  layout.run();
  return std::move(layout.memory);
}
