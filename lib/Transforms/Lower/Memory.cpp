//===- Memory.cpp - The buffers of a stage ---------------------------------===//

#include "lib/Transforms/Lower/Memory.h"

using namespace mlir;
using namespace bitpipe;
using namespace bitpipe::lower;

/// Names of roles, in the order of the enumeration.
static constexpr llvm::StringLiteral roleNames[] = {
    "carried_in", "carried_out",   "saved",        "saved_kept", "kept",
    "d_carried_out", "d_carried_in", "seed",       "loss",       "input",
    "key",        "weights",    "working",       "gradients",  "scratch"};

static bool isNumbered(Role role) {
  return role == Role::Input || role == Role::Key || role == Role::Weights ||
         role == Role::Working || role == Role::Gradients;
}

std::string RoutineBlock::text() const {
  std::string name = roleNames[static_cast<size_t>(role)].str();
  return isNumbered(role) ? name + " " + std::to_string(number) : name;
}

std::optional<RoutineBlock> RoutineBlock::parse(StringRef text) {
  auto [name, number] = text.split(' ');
  for (auto [index, candidate] : llvm::enumerate(roleNames)) {
    RoutineBlock block{static_cast<Role>(index)};
    if (name != candidate || isNumbered(block.role) == number.empty())
      continue;
    if (!number.empty() && number.getAsInteger(10, block.number))
      return std::nullopt;
    return block;
  }
  return std::nullopt;
}

unsigned Memory::block(RoutineBlock block) {
  for (auto [index, buffer] : llvm::enumerate(buffers))
    if (buffer.block == block)
      return index;
  buffers.push_back({block});
  return buffers.size() - 1;
}

Place Memory::addToBlock(RoutineBlock wanted, RankedTensorType type) {
  unsigned buffer = block(wanted);
  Place place = densePlace(buffer, aligned(buffers[buffer].bytes), type);
  reserve(buffer, place.offset + tensorBytes(type));
  return place;
}

Place Memory::temporary(RankedTensorType type) {
  buffers.push_back({std::nullopt, tensorBytes(type)});
  return densePlace(buffers.size() - 1, 0, type);
}
