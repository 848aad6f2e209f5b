//===- UseBF16.cpp - Stages that compute in bf16 ---------------------------===//
//
// The three functions of a stage one after the other: what each hands to the next
// has the type that its nature asks for, whoever reads it there.
//
//===----------------------------------------------------------------------===//

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Transforms/Precision/BrainFunction.h"
#include "lib/Transforms/Precision/Passes.h"

#include "mlir/IR/SymbolTable.h"

#include <map>
#include <set>

namespace bitpipe {
#define GEN_PASS_DEF_USEBF16
#include "lib/Transforms/Precision/Passes.h.inc"
} // namespace bitpipe

using namespace mlir;
using namespace bitpipe;

namespace {

/// A function with what its arguments and results are.
struct TypedFunction {
  func::FuncOp function;
  SmallVector<Passed> arguments, results;
};

/// The functions of a stage, and of all that share them.
struct Group {
  SmallVector<pipe::StageOp> stages;
  TypedFunction forward, inputGradient, weightGradient;
  SmallVector<unsigned> copied; // parameters that products read, by their position
};

/// Takes the three functions of some equal stages into bf16.
class StageTypes {
public:
  StageTypes(Group &group, bool isLast)
      : group(group), stage(group.stages.front()), isLast(isLast) {}

  /// Decides all types and makes the functions, in front of the old ones.
  LogicalResult run();

private:
  Passed carried(Type type, bool hasGradient) const;
  SmallVector<Passed> results(TypedFunction &function, size_t count, const Natures &natures) const;
  enum Number { Forward, InputGradient, WeightGradient };
  TypedFunction &function(Number number);
  /// What the values of a function are, of whose arguments that is known.
  LogicalResult decideNatures(Number number);
  /// Where they are kept, when its carried results are known.
  void decideStorage(Number number, size_t firstParameter);
  LogicalResult decideForward();
  LogicalResult decideInputGradient();
  LogicalResult decideWeightGradient();
  void findCopied(TypedFunction &function, const Storage &storage, size_t firstParameter);
  void replace(TypedFunction &function, const Storage &storage, ArrayRef<unsigned> copied);

  Group &group;
  pipe::StageOp stage;
  bool isLast;
  std::optional<Natures> natures[3];
  std::optional<Storage> storages[3];
  size_t firstParameter[2];
};

} // namespace

/// A loss, a mean per row: where rounding saves nothing and may cost much.
static bool isStatisticShape(Type type) {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(type).getShape();
  return shape.empty() || shape.back() == 1;
}

/// What stages carry, and its gradient: by its type alone, since stages that share a
/// function carry different things.
Passed StageTypes::carried(Type type, bool hasGradient) const {
  if (!hasGradient || !isFloatTensor(type))
    return {};
  if (isStatisticShape(type))
    return {Nature::Statistic, false};
  return {Nature::Full, true};
}

/// Results behind the first `count`: as their natures ask for.
SmallVector<Passed> StageTypes::results(TypedFunction &function, size_t count,
                                        const Natures &natures) const {
  SmallVector<Passed> all = function.results;
  auto returned = function.function.getBody().front().getTerminator()->getOperands();
  for (Value value : returned.drop_front(count)) {
    Nature nature = natures.of(value);
    all.push_back({nature, isFloatTensor(value.getType()) && !staysFull(nature) &&
                               natures.storedAs(rootOf(value)) != StoredAs::Full});
  }
  return all;
}

static LogicalResult checkRules(func::FuncOp function) {
  bool known = true;
  for (Operation &op : function.getBody().front().without_terminator()) {
    bool isFloat = llvm::any_of(op.getOperandTypes(), isFloatTensor) ||
                   llvm::any_of(op.getResultTypes(), isFloatTensor);
    if (!isFloat || hasRule(&op))
      continue;
    emitError(op.getLoc()) << op.getName() << " has no rule for bf16, expected one of the "
                           << "operations of level 1";
    known = false;
  }
  return success(known);
}

TypedFunction &StageTypes::function(Number number) {
  return number == Forward         ? group.forward
         : number == InputGradient ? group.inputGradient
                                   : group.weightGradient;
}

LogicalResult StageTypes::decideNatures(Number number) {
  TypedFunction &typed = function(number);
  if (failed(checkRules(typed.function)))
    return failure();
  natures[number].emplace(typed.function, typed.arguments, /*sums=*/number == WeightGradient);
  return success();
}

void StageTypes::decideStorage(Number number, size_t firstParameter) {
  TypedFunction &typed = function(number);
  typed.results = results(typed, typed.results.size(), *natures[number]);
  storages[number].emplace(typed.function, typed.arguments, typed.results, *natures[number]);
  findCopied(typed, *storages[number], firstParameter);
}

LogicalResult StageTypes::decideForward() {
  TypedFunction &forward = group.forward;
  func::FuncOp function = forward.function;
  for (auto [type, flag] : llvm::zip(function.getArgumentTypes(), stage.getCarriedIn()))
    forward.arguments.push_back(carried(type, flag));
  forward.arguments.append(stage.getInputs().size() + stage.getDropouts().size(), Passed());
  firstParameter[0] = forward.arguments.size();
  forward.arguments.append(stage.getParameters().size(), {Nature::Parameter, false});
  if (failed(decideNatures(Forward)))
    return failure();
  TypeRange carriedOut = function.getResultTypes().take_front(stage.carriedByForward());
  for (auto [type, flag] : llvm::zip(carriedOut, stage.getCarriedOut()))
    forward.results.push_back(isLast ? Passed{Nature::Statistic, false} : carried(type, flag));
  decideStorage(Forward, firstParameter[0]);
  return success();
}

LogicalResult StageTypes::decideInputGradient() {
  TypedFunction &gradient = group.inputGradient;
  ArrayRef<Passed> ofForward = group.forward.results;
  // The gradient of a loss that is computed here is a number as the loss is.
  if (stage.getJointAttr())
    gradient.arguments.append(llvm::count(stage.getCarriedOut(), true), {Nature::Statistic, false});
  else
    for (auto [passed, flag] : llvm::zip(ofForward, stage.getCarriedOut()))
      if (flag)
        gradient.arguments.push_back(passed);
  llvm::append_range(gradient.arguments, ofForward.drop_front(stage.carriedByForward()));
  firstParameter[1] = gradient.arguments.size();
  gradient.arguments.append(stage.getParameters().size(), {Nature::Parameter, false});
  if (stage.getJointAttr())
    gradient.arguments.append(stage.getJointAttr().size(), {Nature::Statistic, false});
  if (failed(decideNatures(InputGradient)))
    return failure();
  for (auto [passed, flag] : llvm::zip(group.forward.arguments, stage.getCarriedIn()))
    if (flag)
      gradient.results.push_back(passed);
  gradient.results.append(stage.jointResults(), {Nature::Statistic, false});
  decideStorage(InputGradient, firstParameter[1]);
  return success();
}

LogicalResult StageTypes::decideWeightGradient() {
  TypedFunction &gradient = group.weightGradient;
  func::FuncOp function = gradient.function;
  size_t carriedIn = llvm::count(stage.getCarriedIn(), true);
  gradient.arguments = SmallVector<Passed>(
      ArrayRef(group.inputGradient.results).drop_front(carriedIn + stage.jointResults()));
  // The sums of gradients so far.
  gradient.arguments.resize(function.getNumArguments(), {Nature::Statistic, false});
  gradient.results.resize(function.getNumResults(), {Nature::Statistic, false});
  if (failed(decideNatures(WeightGradient)))
    return failure();
  storages[2].emplace(function, gradient.arguments, gradient.results, *natures[2]);
  return success();
}

/// Adds the parameters that the function's products read.
void StageTypes::findCopied(TypedFunction &function, const Storage &storage,
                            size_t firstParameter) {
  for (size_t i = 0; i < stage.getParameters().size(); ++i)
    if (storage.isReadAsBrain(function.function.getArgument(firstParameter + i)) &&
        !llvm::is_contained(group.copied, i))
      group.copied.push_back(i);
}

void StageTypes::replace(TypedFunction &function, const Storage &storage,
                         ArrayRef<unsigned> copied) {
  auto made = makeBrainFunction(function.function, function.arguments, function.results, copied,
                                storage);
  Operation *before = function.function;
  before->getBlock()->getOperations().insert(before->getIterator(), made);
  before->erase();
}

LogicalResult StageTypes::run() {
  if (failed(decideForward()) || failed(decideInputGradient()) || failed(decideWeightGradient()))
    return failure();
  llvm::sort(group.copied);
  auto copiedFrom = [&](size_t first) {
    return llvm::map_to_vector(group.copied, [&](unsigned i) { return unsigned(first + i); });
  };
  replace(group.forward, *storages[0], copiedFrom(firstParameter[0]));
  replace(group.inputGradient, *storages[1], copiedFrom(firstParameter[1]));
  replace(group.weightGradient, *storages[2], {}); // takes no parameters
  for (pipe::StageOp each : group.stages) {
    auto names = llvm::map_to_vector(group.copied, [&](unsigned i) -> Attribute {
      return each.getParameters()[i];
    });
    if (!names.empty())
      each.setWorkingAttr(ArrayAttr::get(each.getContext(), names));
  }
  return success();
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {

struct UseBF16 : bitpipe::impl::UseBF16Base<UseBF16> {
  void runOnOperation() override {
    auto models = llvm::to_vector(getOperation().getOps<pipe::ModelOp>());
    if (models.size() != 1 || models[0].getPrecision()) {
      emitError(getOperation().getLoc())
          << "module has " << models.size() << " pipe.model"
          << (models.size() == 1 ? " of a precision already" : "") << ", expected one without";
      return signalPassFailure();
    }
    for (auto stage : getOperation().getOps<pipe::StageOp>())
      last = std::max<int64_t>(last, stage.getIndex());
    auto groups = findGroups();
    if (failed(groups))
      return signalPassFailure();
    for (Group &group : *groups)
      if (failed(StageTypes(group, isLast(group.stages.front())).run()))
        return signalPassFailure();
    models[0].setPrecision("bf16");
  }

private:
  FailureOr<std::vector<Group>> findGroups();
  FailureOr<Group> readStage(pipe::StageOp stage, SymbolTable &symbols);

  bool isLast(pipe::StageOp stage) const { return int64_t(stage.getIndex()) == last; }

  int64_t last = 0; // of the stages' numbers
};

} // namespace

FailureOr<Group> UseBF16::readStage(pipe::StageOp stage, SymbolTable &symbols) {
  Group group;
  auto read = [&](FlatSymbolRefAttr name, size_t arguments, TypedFunction &into) {
    auto function = name ? symbols.lookup<func::FuncOp>(name.getValue()) : func::FuncOp();
    bool fits = function && llvm::hasSingleElement(function.getBody()) &&
                function.getNumArguments() >= arguments;
    into.function = function;
    return success(fits);
  };
  size_t parameters = stage.getParameters().size();
  size_t forward = stage.getCarriedIn().size() + stage.getInputs().size() +
                   stage.getDropouts().size() + parameters;
  bool fits = succeeded(read(stage.getForwardAttr(), forward, group.forward)) &&
              succeeded(read(stage.getInputGradientAttr(), parameters, group.inputGradient)) &&
              succeeded(read(stage.getWeightGradientAttr(), 0, group.weightGradient));
  if (!fits)
    return emitError(stage.getLoc())
           << "stage " << stage.getIndex() << " lacks one of its three functions, or it is not "
           << "of one block with the arguments that the stage names";
  size_t saved = group.forward.function.getNumResults() - stage.carriedByForward();
  size_t joint = stage.jointNumbers().size();
  size_t gradients = llvm::count(stage.getCarriedOut(), true);
  if (group.forward.function.getNumArguments() != forward ||
      group.inputGradient.function.getNumArguments() != gradients + saved + parameters + joint)
    return emitError(stage.getLoc())
           << "stage " << stage.getIndex() << " has functions of "
           << group.forward.function.getNumArguments() << " and "
           << group.inputGradient.function.getNumArguments() << " arguments, expected " << forward
           << " and " << gradients + saved + parameters + joint;
  group.stages.push_back(stage);
  return group;
}

/// Stages by their functions. One function cannot have the types of two stages that
/// differ otherwise.
FailureOr<std::vector<Group>> UseBF16::findGroups() {
  SymbolTable symbols(getOperation());
  std::vector<Group> groups;
  std::map<void *, size_t> known; // by function
  for (auto stage : getOperation().getOps<pipe::StageOp>()) {
    FailureOr<Group> group = readStage(stage, symbols);
    if (failed(group))
      return failure();
    void *functions[] = {group->forward.function, group->inputGradient.function,
                         group->weightGradient.function};
    std::set<size_t> numbers; // of the groups that have them, or of a new one
    for (void *function : functions) {
      auto found = known.find(function);
      numbers.insert(found == known.end() ? groups.size() : found->second);
    }
    if (numbers.size() > 1)
      return emitError(stage.getLoc())
             << "stage " << stage.getIndex()
             << " shares some of its functions with another stage, expected all or none";
    size_t number = *numbers.begin();
    for (void *function : functions)
      known[function] = number;
    if (number == groups.size()) {
      groups.push_back(std::move(*group));
      continue;
    }
    pipe::StageOp first = groups[number].stages.front();
    if (stage.getCarriedIn() != first.getCarriedIn() ||
        stage.getCarriedOut() != first.getCarriedOut() || isLast(stage) || isLast(first))
      return emitError(stage.getLoc())
             << "stage " << stage.getIndex() << " shares its functions with stage "
             << first.getIndex() << ", expected the same carried values";
    groups[number].stages.push_back(stage);
  }
  return groups;
}
