//===- StageTable.cpp - What programs need to know of the stages -----------===//

#include "lib/Transforms/Lower/DeviceProgram.h"

using namespace mlir;
using namespace bitpipe;
using namespace bitpipe::lower;

/// Every routine says what its blocks are, and every stage's routines exist.
static LogicalResult checkRoutines(pipe::StageOp stage, SymbolTable &symbols) {
  for (auto name : {stage.getForwardAttr(), stage.getRecomputeAttr(),
                    stage.getInputGradientAttr(), stage.getWeightGradientAttr()}) {
    if (!name)
      continue;
    auto routine = symbols.lookup<pipe::RoutineOp>(name.getValue());
    if (!routine)
      return emitError(stage.getLoc())
             << "stage " << stage.getIndex() << " names '" << name.getValue()
             << "', expected a pipe.routine";
    ArrayAttr roles = routine.getRolesAttr();
    if (!roles || roles.size() != routine.getBlocks().size())
      return emitError(routine.getLoc())
             << "routine has " << (roles ? roles.size() : 0)
             << " roles, expected one for each of its "
             << routine.getBlocks().size() << " blocks";
    for (StringRef role : roles.getAsValueRange<StringAttr>())
      if (!RoutineBlock::parse(role))
        return emitError(routine.getLoc())
               << "routine has a block of role '" << role
               << "', expected a known one";
  }
  return success();
}

FailureOr<StageTable> StageTable::find(ModuleOp module,
                                       const ParameterGroups &groups) {
  StageTable table;
  table.parameterGroups = &groups;
  SymbolTable symbols(module);
  auto trainings = llvm::to_vector(module.getOps<pipe::TrainingOp>());
  if (trainings.size() != 1)
    return emitError(module.getLoc()) << "module has " << trainings.size()
                                      << " pipe.training, expected 1";
  for (auto [number, name] : llvm::enumerate(
           trainings[0].getInputs().getAsValueRange<StringAttr>()))
    table.inputs[name] = number;
  for (auto routine : module.getOps<pipe::RoutineOp>())
    table.routines[routine.getSymName()] = routine;
  for (auto stage : module.getOps<pipe::StageOp>()) {
    if (failed(checkRoutines(stage, symbols)))
      return failure();
    for (StringRef input : stage.getInputs().getAsValueRange<StringAttr>())
      if (!table.inputs.contains(input))
        return emitError(stage.getLoc())
               << "stage " << stage.getIndex() << " reads input '" << input
               << "', which pipe.training does not have";
    if (!table.stages.try_emplace(stage.getIndex(), stage).second)
      return emitError(stage.getLoc())
             << "stage " << stage.getIndex() << " exists twice, expected once";
  }
  return table;
}

FailureOr<pipe::StageOp> StageTable::stage(Location loc, int64_t index) const {
  auto found = stages.find(index);
  if (found != stages.end())
    return found->second;
  return emitError(loc) << "plan names stage " << index << ", but there are "
                        << stages.size() << " stages";
}

pipe::RoutineOp StageTable::routine(FlatSymbolRefAttr name) const {
  return routines.lookup(name.getValue());
}

PieceName StageTable::pieceFor(pipe::StageOp stage, RoutineBlock block,
                               int64_t microbatch) const {
  int64_t index = stage.getIndex();
  switch (block.role) {
  case Role::CarriedIn:
    return {{Role::CarriedOut}, index - 1, microbatch};
  case Role::GradientOut:
    return {{Role::GradientIn}, index + 1, microbatch};
  case Role::Seed:
    return {block};
  case Role::Loss:
    return {block, 0, microbatch};
  case Role::Input: {
    auto name = cast<StringAttr>(stage.getInputs()[block.number]);
    return {{Role::Input, inputs.lookup(name.getValue())}, 0, microbatch};
  }
  case Role::Key:
    return {{Role::Key, stage.getDropouts()[block.number]}, 0, microbatch};
  case Role::Weights:
  case Role::Working:
  case Role::Gradients:
    return {{block.role, groups().ofStage(index)[block.number]}};
  default:
    return {block, index, microbatch};
  }
}

std::vector<std::pair<PieceName, int64_t>>
StageTable::savedPieces(pipe::StageOp stage, int64_t microbatch) const {
  std::vector<std::pair<PieceName, int64_t>> pieces;
  pipe::RoutineOp forward = routine(stage.getForwardAttr());
  auto roles = forward.getRolesAttr().getAsValueRange<StringAttr>();
  for (auto [role, bytes] : llvm::zip(roles, forward.getBlocks())) {
    RoutineBlock block = *RoutineBlock::parse(role);
    if ((block.role == Role::Saved || block.role == Role::SavedKept) && bytes > 0)
      pieces.push_back({pieceFor(stage, block, microbatch), bytes});
  }
  return pieces;
}

int64_t StageTable::messageBytes(pipe::StageOp stage, bool isForward) const {
  FlatSymbolRefAttr name =
      isForward ? stage.getForwardAttr() : stage.getInputGradientAttr();
  if (!name)
    return 0;
  pipe::RoutineOp maker = routine(name);
  RoutineBlock wanted{isForward ? Role::CarriedOut : Role::GradientIn};
  auto roles = maker.getRolesAttr().getAsValueRange<StringAttr>();
  for (auto [role, bytes] : llvm::zip(roles, maker.getBlocks()))
    if (role == wanted.text())
      return bytes;
  return 0;
}
