//===- ReadNames.cpp - What a plan calls its blocks and slots ------------------===//

#include "lib/Runtime/Printed/ReadNames.h"

#include "lib/Dialect/Pipe/IR/Pipe.h"

using namespace bitpipe;

/// "saved", "input 0"; nothing unless each block has a role.
static std::vector<std::string> blockNames(pipe::RoutineOp routine) {
  std::vector<std::string> names;
  if (auto roles = routine.getRoles())
    for (auto role : roles->getAsValueRange<mlir::StringAttr>())
      names.push_back(role.str());
  if (names.size() != routine.getBlocks().size())
    names.clear();
  return names;
}

/// "saved 1 mb 0"; nothing if the plan has no name for it.
static std::string slotName(pipe::SlotOp slot) {
  if (!slot.getName())
    return "";
  std::string microbatch =
      slot.getMicrobatch() ? "_mb" + std::to_string(*slot.getMicrobatch()) : "";
  return slot.getName()->str() + microbatch;
}

printed::PlanNames printed::readNames(mlir::ModuleOp module) {
  PlanNames names;
  names.layers = true;
  for (auto routine : module.getOps<pipe::RoutineOp>())
    names.blocks.push_back(blockNames(routine));
  for (auto program : module.getOps<pipe::ProgramOp>()) {
    auto &slots = names.slots.emplace_back();
    for (auto slot : program.getBody().getOps<pipe::SlotOp>())
      slots.push_back(slotName(slot));
  }
  return names;
}
