//===- ParameterGroups.cpp - Parameters that live and step together --------===//

#include "lib/Transforms/Lower/ParameterGroups.h"

#include "lib/Transforms/Lower/Place.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

#include <algorithm>

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

/// The parameters that some stage reads as working weights.
static FailureOr<llvm::StringSet<>>
findWorking(ModuleOp module, const llvm::StringMap<pipe::ParameterOp> &known) {
  llvm::StringSet<> working;
  for (auto stage : module.getOps<pipe::StageOp>())
    for (Attribute ref : stage.workingNames()) {
      StringRef name = cast<FlatSymbolRefAttr>(ref).getValue();
      if (!llvm::is_contained(stage.getParameters(), ref))
        return emitError(stage.getLoc())
               << "stage " << stage.getIndex() << " has working weights of '" << name
               << "', expected one of its parameters";
      auto type = cast<RankedTensorType>(known.lookup(name).getType());
      if (!type.getElementType().isF32())
        return emitError(stage.getLoc())
               << "stage " << stage.getIndex() << " has working weights of '" << name
               << "', which is " << type << ", expected elements of f32";
      working.insert(name);
    }
  return working;
}

namespace {

/// Adds parameters to a group, those first that get gradients; at both ends those that have
/// copies.
class GroupLayout {
public:
  GroupLayout(ParameterGroup &group, const llvm::StringSet<> &working)
      : group(group), working(working) {}

  void add(MutableArrayRef<pipe::ParameterOp> parameters) {
    llvm::stable_sort(parameters, [&](auto a, auto b) { return place(a) < place(b); });
    for (pipe::ParameterOp parameter : parameters)
      add(parameter);
  }

private:
  bool hasCopyOf(pipe::ParameterOp parameter) const {
    return working.contains(parameter.getSymName());
  }
  int place(pipe::ParameterOp parameter) const {
    bool hasCopy = hasCopyOf(parameter);
    return parameter.getTrainable() ? (hasCopy ? 0 : 1) : (hasCopy ? 3 : 2);
  }

  void add(pipe::ParameterOp parameter) {
    bool isTrainable = parameter.getTrainable(), hasCopy = hasCopyOf(parameter);
    ParameterGroup::Member member{parameter, group.bytes, {}};
    int64_t bytes = tensorBytes(cast<RankedTensorType>(parameter.getType()));
    if (hasCopy) {
      // The copies' offsets are halves of the parameters', and aligned, too.
      bytes = 2 * aligned((bytes + 1) / 2);
      member.working = group.workingBytes;
      group.workingBytes += bytes / 2;
      if (isTrainable)
        group.workingElements += bytes / int64_t(sizeof(float));
    }
    group.members.push_back(member);
    group.bytes += aligned(bytes);
    if (isTrainable)
      group.trainableBytes = group.bytes;
  }

  ParameterGroup &group;
  const llvm::StringSet<> &working;
};

} // namespace

FailureOr<ParameterGroups> ParameterGroups::find(ModuleOp module) {
  llvm::StringMap<pipe::ParameterOp> known;
  for (auto parameter : module.getOps<pipe::ParameterOp>())
    known[parameter.getSymName()] = parameter;
  auto users = findUsers(module, known);
  if (failed(users))
    return failure();
  auto working = findWorking(module, known);
  if (failed(working))
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
    GroupLayout(group, *working).add(parameters);
    for (auto [position, member] : llvm::enumerate(group.members))
      result.places[member.parameter.getSymName()] = {number, int64_t(position)};
    for (int64_t stage : stages)
      result.byStage[stage].push_back(number);
  }
  for (auto stage : module.getOps<pipe::StageOp>())
    if (failed(result.readFull(stage)))
      return failure();
  return result;
}

LogicalResult ParameterGroups::readFull(pipe::StageOp stage) {
  if (!stage.getFull())
    return success();
  ArrayRef<int64_t> full = *stage.getFull();
  int64_t own = withStages({int64_t(stage.getIndex())});
  int64_t bytes = own < 0 ? 0 : groups[own].bytes;
  if (own < 0 || full.size() != 2 || full[0] < 0 || full[1] < full[0] || full[1] > bytes)
    return emitError(stage.getLoc())
           << "stage " << stage.getIndex() << " reads bytes [" << full << "] of its own parameters in f32, "
           << "expected a begin and an end among its " << bytes;
  groups[own].full = {full[0], full[1]};
  return success();
}

void ParameterGroups::setFull(pipe::StageOp stage, int64_t begin, int64_t end) {
  stage.setFull(ArrayRef<int64_t>{begin, end});
  groups[withStages({int64_t(stage.getIndex())})].full = {begin, end};
}

SmallVector<ParameterGroup::Elements, 2> ParameterGroup::copied() const {
  constexpr int64_t size = sizeof(float), copySize = 2;
  SmallVector<Elements, 2> ranges;
  if (workingElements)
    ranges.push_back({0, workingElements});
  if (int64_t frozen = workingBytes / copySize - workingElements)
    ranges.push_back({bytes / size - frozen, bytes / size});
  return ranges;
}

int64_t ParameterGroup::copiesBefore(int64_t element) const {
  int64_t count = 0;
  for (auto [begin, end] : copied())
    count += std::clamp(element, begin, end) - begin;
  return count;
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
  int64_t group = places.lookup(parameter).first;
  return {group, member(parameter).offset};
}

const ParameterGroup::Member &
ParameterGroups::member(StringRef parameter) const {
  auto [group, position] = places.lookup(parameter);
  return groups[group].members[position];
}
