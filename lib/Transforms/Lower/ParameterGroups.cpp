//===- ParameterGroups.cpp - Parameters that live and step together --------===//

#include "lib/Transforms/Lower/ParameterGroups.h"

#include "lib/Transforms/Lower/Place.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace bitpipe;
using namespace bitpipe::lower;

using Users = llvm::MapVector<StringAttr, SmallVector<int64_t>>;

static LogicalResult checkParameter(pipe::StageOp stage, StringRef name,
                                    pipe::ParameterOp parameter) {
  if (!parameter)
    return emitError(stage.getLoc())
           << "stage " << stage.getIndex() << " uses parameter '" << name
           << "', which does not exist";
  auto type = cast<RankedTensorType>(parameter.getType());
  if (parameter.getTrainable() && !type.getElementType().isF32())
    return emitError(parameter.getLoc())
           << "trainable parameter '" << name << "' has type " << type
           << ", expected elements of f32";
  if (elementBytes(type.getElementType()) == 0)
    return emitError(parameter.getLoc())
           << "parameter '" << name << "' has type " << type
           << ", expected elements of an integer or float type";
  return success();
}

/// Which stages use each parameter, in the order of first use.
static FailureOr<Users>
findUsers(ModuleOp module, const llvm::StringMap<pipe::ParameterOp> &known) {
  Users users;
  for (auto stage : module.getOps<pipe::StageOp>()) {
    int64_t index = stage.getIndex();
    for (auto ref : stage.getParameters().getAsRange<FlatSymbolRefAttr>()) {
      if (failed(checkParameter(stage, ref.getValue(),
                                known.lookup(ref.getValue()))))
        return failure();
      auto &stages = users[ref.getAttr()];
      if (llvm::is_contained(stages, index))
        return emitError(stage.getLoc())
               << "stage " << index << " lists parameter '" << ref.getValue()
               << "' twice, expected once";
      stages.push_back(index);
    }
  }
  return users;
}

FailureOr<ParameterGroups> ParameterGroups::find(ModuleOp module) {
  llvm::StringMap<pipe::ParameterOp> known;
  for (auto parameter : module.getOps<pipe::ParameterOp>())
    known[parameter.getSymName()] = parameter;
  auto users = findUsers(module, known);
  if (failed(users))
    return failure();

  std::map<SmallVector<int64_t>, SmallVector<pipe::ParameterOp>> byStages;
  for (auto &[name, stages] : *users) {
    llvm::sort(stages);
    byStages[stages].push_back(known.lookup(name));
  }

  ParameterGroups result;
  for (auto &[stages, parameters] : byStages) {
    int64_t number = result.groups.size();
    ParameterGroup &group = result.groups.emplace_back();
    group.stages = stages;
    llvm::stable_sort(parameters, [](auto a, auto b) {
      return a.getTrainable() > b.getTrainable();
    });
    for (pipe::ParameterOp parameter : parameters) {
      int64_t offset = group.bytes;
      group.members.push_back({parameter, offset});
      result.places[parameter.getSymName()] = {number, offset};
      group.bytes += aligned(
          tensorBytes(cast<RankedTensorType>(parameter.getType())));
      if (parameter.getTrainable())
        group.trainableBytes = group.bytes;
    }
    for (int64_t stage : stages)
      result.byStage[stage].push_back(number);
  }
  return result;
}

ArrayRef<int64_t> ParameterGroups::ofStage(int64_t stage) const {
  auto found = byStage.find(stage);
  return found == byStage.end() ? ArrayRef<int64_t>() : found->second;
}

int64_t ParameterGroups::withStages(ArrayRef<int64_t> stages) const {
  for (auto [number, group] : llvm::enumerate(groups))
    if (ArrayRef<int64_t>(group.stages) == stages)
      return number;
  return -1;
}

std::pair<int64_t, int64_t>
ParameterGroups::locate(StringRef parameter) const {
  return places.lookup(parameter);
}
