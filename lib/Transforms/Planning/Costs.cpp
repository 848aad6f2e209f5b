//===- Costs.cpp - Where the costs of a schedule come from -----------------===//

#include "lib/Transforms/Planning/Costs.h"

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Dialect/Pipe/IR/TypeBytes.h"
#include "lib/Costs/CostFile.h"
#include "lib/Costs/ModelHash.h"
#include "lib/Transforms/Planning/StageSizes.h"

#include <map>

using namespace llvm;
using namespace bitpipe;
using schedule::Costs;

/// The discardable attribute of a plan with forward, input gradient and weight
/// gradient of each stage.
static constexpr StringLiteral costsName = "stage_costs";

/// Forward, input gradient and weight gradient of every stage in turn; empty if
/// not all are known.
static SmallVector<double> stageCosts(mlir::ModuleOp module) {
  std::map<int64_t, ArrayRef<double>> stages;
  for (auto stage : module.getOps<pipe::StageOp>()) {
    if (stage.getCost().size() != 3)
      return {};
    stages[stage.getIndex()] = stage.getCost();
  }
  SmallVector<double> result;
  for (const auto &[index, cost] : stages)
    append_range(result, cost);
  return result;
}

void bitpipe::keepCosts(mlir::ModuleOp module, pipe::PlanOp plan) {
  SmallVector<double> costs = stageCosts(module);
  if (!costs.empty())
    plan->setAttr(costsName, mlir::DenseF64ArrayAttr::get(module.getContext(), costs));
}

/// Those that a plan keeps.
static SmallVector<double> keptCosts(mlir::ModuleOp module) {
  for (auto plan : module.getOps<pipe::PlanOp>())
    if (auto kept = plan->getAttrOfType<mlir::DenseF64ArrayAttr>(costsName))
      if (kept.size() % 3 == 0)
        return SmallVector<double>(kept.asArrayRef());
  return {};
}

static std::optional<schedule::Error> checkCounts(ArrayRef<double> counts) {
  for (auto [i, count] : enumerate(counts))
    if (!(count >= 0 && count <= schedule::mostCost))
      return schedule::Error{"a cost of stage " + std::to_string(i / 3) + " is " +
                             std::to_string(count) + ", expected 0 to 1e100"};
  return {};
}

/// With so many operations to a time of 1.
static std::vector<schedule::StageCost> inUnits(ArrayRef<double> counts, double unit) {
  std::vector<schedule::StageCost> stages;
  for (size_t i = 0; i < counts.size(); i += 3)
    stages.push_back({counts[i] / unit, counts[i + 1] / unit, counts[i + 2] / unit,
                      (counts[i + 1] + counts[i + 2]) / unit, 1});
  return stages;
}

/// Activations count as 1: how large those of one stage are beside another's is left out.
/// What a stage has read counts as its share of them.
static schedule::ErrorOr<Costs> countCosts(mlir::ModuleOp module) {
  SmallVector<double> counts = stageCosts(module);
  if (counts.empty())
    counts = keptCosts(module);
  if (auto wrong = checkCounts(counts))
    return *wrong;
  double forward = 0;
  for (size_t i = 0; i < counts.size(); i += 3)
    forward += counts[i];
  Costs costs;
  if (forward == 0) // A module that was written by hand.
    return costs;
  costs.timeUnit = "forwards of a mean stage";
  costs.stages = inUnits(counts, forward / (counts.size() / 3));
  std::vector<StageSizes> sizes = stageSizes(module);
  for (size_t stage = 0; stage < sizes.size() && stage < costs.stages.size(); ++stage)
    if (sizes[stage].saved > 0)
      costs.stages[stage].input = sizes[stage].input / sizes[stage].saved;
  return costs;
}

/// A version of a stage's parameters, with what is read of them in bf16.
static double versionBytes(pipe::StageOp stage, mlir::SymbolTable &symbols) {
  double bytes = 0;
  for (mlir::Attribute name : stage.getParameters())
    if (auto parameter = symbols.lookup<pipe::ParameterOp>(
            mlir::cast<mlir::FlatSymbolRefAttr>(name).getAttr()))
      bytes += bytesOf(parameter.getType()) * (is_contained(stage.workingNames(), name) ? 1.5 : 1);
  return bytes;
}

/// What is gathered of a stage's parameters, and the gradients that are summed, where they are
/// less than a version is: copies in bf16 in the place of what they are of, and of what is trained.
static void setSliceBytes(pipe::StageOp stage, mlir::SymbolTable &symbols,
                          schedule::StageCost &cost) {
  double gathered = 0, gradients = 0;
  for (mlir::Attribute name : stage.getParameters())
    if (auto parameter = symbols.lookup<pipe::ParameterOp>(
            mlir::cast<mlir::FlatSymbolRefAttr>(name).getAttr())) {
      double own = bytesOf(parameter.getType());
      gathered += is_contained(stage.workingNames(), name) ? own / 2 : own;
      gradients += parameter.getTrainable() ? own : 0;
    }
  cost.gathered = gathered < cost.weights ? gathered : -1;
  cost.gradients = gradients < cost.weights ? gradients : -1;
}

/// What the optimizer keeps of a stage's parameters, and these.
static void setStateBytes(pipe::StageOp stage, mlir::SymbolTable &symbols, StringRef optimizer,
                          schedule::StageCost &cost) {
  for (mlir::Attribute name : stage.getParameters()) {
    auto parameter = symbols.lookup<pipe::ParameterOp>(
        mlir::cast<mlir::FlatSymbolRefAttr>(name).getAttr());
    if (!parameter)
      continue;
    double own = bytesOf(parameter.getType());
    // Of trained ones gradients, and two moments.
    double moments = parameter.getTrainable() && optimizer == "adamw" ? 2 * own : 0;
    cost.moments += moments;
    cost.state += moments + (parameter.getTrainable() ? 2 : 1) * own;
    if (is_contained(stage.workingNames(), name))
      cost.state += own / 2;
  }
}

void bitpipe::addSizes(mlir::ModuleOp module, StringRef optimizer, Costs &costs) {
  std::vector<StageSizes> sizes = stageSizes(module);
  if (sizes.size() != costs.stages.size())
    return; // A module that was written by hand.
  mlir::SymbolTable symbols(module);
  for (auto stage : module.getOps<pipe::StageOp>()) {
    schedule::StageCost &cost = costs.stages[stage.getIndex()];
    const StageSizes &size = sizes[stage.getIndex()];
    cost.activation = size.saved;
    cost.kept = size.kept;
    cost.input = size.input;
    bool isLast = stage.getIndex() + 1 == sizes.size();
    cost.message = isLast ? 0 : sizes[stage.getIndex() + 1].input;
    cost.state = cost.moments = 0;
    setStateBytes(stage, symbols, optimizer, cost);
    cost.weights = versionBytes(stage, symbols);
    setSliceBytes(stage, symbols, cost);
  }
  costs.sizeUnit = "bytes";
}

void bitpipe::leaveOutMessages(mlir::ModuleOp module, Costs &costs) {
  std::vector<StageSizes> sizes = stageSizes(module);
  for (size_t i = 0; i < sizes.size() && i < costs.stages.size(); ++i) {
    schedule::StageCost &cost = costs.stages[i];
    cost.activation -= sizes[i].savedInMessage;
    cost.kept -= sizes[i].keptInMessage;
    cost.input = 0;
    bool savesInput = sizes[i].savedInMessage > 0;
    cost.inputReader = sizes[i].keepsInput ? schedule::Kind::W
                       : savesInput        ? schedule::Kind::I
                                           : schedule::Kind::F;
    cost.gradientReader = sizes[i].keepsGradient ? schedule::Kind::W : schedule::Kind::I;
  }
}

/// The first size of the first of these that has one, or 0.
static int firstSize(ArrayRef<mlir::Type> types) {
  for (mlir::Type type : types)
    if (auto tensor = mlir::dyn_cast<mlir::RankedTensorType>(type); tensor && tensor.getRank() > 0)
      return int(tensor.getDimSize(0));
  return 0;
}

int bitpipe::samplesOf(mlir::ModuleOp module) {
  mlir::SymbolTable symbols(module);
  auto argumentsOf = [&](StringRef name) {
    auto function = symbols.lookup<mlir::func::FuncOp>(name);
    return function ? function.getArgumentTypes() : ArrayRef<mlir::Type>();
  };
  for (auto stage : module.getOps<pipe::StageOp>())
    if (int samples = firstSize(argumentsOf(stage.getForward())
                                    .drop_front(stage.getCarriedIn().size())
                                    .take_front(stage.getInputs().size())))
      return samples;
  for (auto model : module.getOps<pipe::ModelOp>())
    if (int samples = firstSize(argumentsOf(model.getForward())))
      return samples;
  return 0;
}

/// As bitpipe-run names it: programs hold the same parameters by another operation. Empty for an
/// order alone.
static std::string modelOf(mlir::ModuleOp module) {
  std::vector<NamedShape> parameters;
  auto add = [&](StringRef name, mlir::Type type) {
    ArrayRef<int64_t> shape = mlir::cast<mlir::RankedTensorType>(type).getShape();
    parameters.push_back({name.str(), {shape.begin(), shape.end()}});
  };
  for (auto parameter : module.getOps<pipe::ParameterOp>())
    if (parameter.isSaved())
      add(parameter.getSymName(), parameter.getType());
  for (auto parameter : module.getOps<pipe::SavedOp>())
    add(parameter.getName(), parameter.getType());
  return parameters.empty() ? "" : modelHash(std::move(parameters));
}

schedule::ErrorOr<Costs> bitpipe::costsOfStages(mlir::ModuleOp module, StringRef optimizer) {
  SmallVector<double> counts = stageCosts(module);
  if (counts.empty() || stageSizes(module).size() * 3 != counts.size())
    return schedule::Error{"the file holds no stages with their functions, expected an earlier "
                           "level than a plan's to count costs of"};
  if (auto wrong = checkCounts(counts))
    return *wrong;
  Costs costs;
  costs.stages = inUnits(counts, 1);
  costs.samples = std::max(1, samplesOf(module));
  costs.model = modelOf(module);
  addSizes(module, optimizer, costs);
  return costs;
}

/// Those of a file, which are of this model if they are of any.
static schedule::ErrorOr<Costs> readCostsFor(mlir::ModuleOp module, StringRef file, int devices) {
  auto costs = readCosts(file, devices);
  if (!costs || !module)
    return costs;
  if (auto wrong = checkModel(*costs, modelOf(module), file.str()))
    return *wrong;
  return costs;
}

bool bitpipe::hasLossInGradient(mlir::ModuleOp module) {
  for (auto stage : module.getOps<pipe::StageOp>())
    if (stage.getJointAttr()) // as only the last one may have
      return true;
  return false;
}

static schedule::ErrorOr<Costs> findTimes(StringRef text, StringRef file, int devices,
                                          mlir::ModuleOp module) {
  if (!text.empty())
    return schedule::parseCosts(text);
  if (!file.empty())
    return readCostsFor(module, file, devices);
  return module ? countCosts(module) : schedule::ErrorOr<Costs>(Costs());
}

schedule::ErrorOr<Costs> bitpipe::findCosts(StringRef text, StringRef file,
                                            int devices,
                                            mlir::ModuleOp module) {
  schedule::ErrorOr<Costs> costs = findTimes(text, file, devices, module);
  if (costs && module)
    costs->lossInGradient = hasLossInGradient(module);
  return costs;
}
