//===- Levels.cpp - How far a module has come ------------------------------===//

#include "tools/bitpipe-opt/Levels.h"

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Transforms/Planning/Translate.h"
#include "lib/Transforms/Schedule/Core/Text.h"
#include "lib/Transforms/Schedule/Simulate/Recompute.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace bitpipe {

template <typename Op> static bool holds(ModuleOp module) {
  return !module.getOps<Op>().empty();
}

Level levelOf(ModuleOp module) {
  if (holds<pipe::ProgramOp>(module))
    return Level::Program;
  if (holds<pipe::PlanOp>(module))
    return Level::Plan;
  if (holds<pipe::StageOp>(module))
    return Level::Stages;
  for (auto model : module.getOps<pipe::ModelOp>())
    if (model.getLoss())
      return Level::Loss;
  WalkResult walk = module.walk([](pipe::OnnxNodeOp) { return WalkResult::interrupt(); });
  return walk.wasInterrupted() ? Level::Nodes : Level::Graph;
}

std::string precisionOf(ModuleOp module) {
  for (auto training : module.getOps<pipe::TrainingOp>())
    return training.getPrecision().str();
  for (auto model : module.getOps<pipe::ModelOp>())
    if (model.getPrecision())
      return model.getPrecision()->str();
  return "f32";
}

Level levelFor(Emit emit) {
  switch (emit) {
  case Emit::Graph:
    return Level::Loss;
  case Emit::Stages:
  case Emit::Schedule:
  case Emit::Timeline:
  case Emit::Trace:
  case Emit::Report:
  case Emit::Costs:
    return Level::Stages;
  case Emit::Plan:
    return Level::Plan;
  case Emit::Program:
  case Emit::CUDA:
  case Emit::Files:
    return Level::Program;
  }
  llvm_unreachable("all kinds are covered");
}

namespace {

/// An option and the level that it is for.
struct Use {
  StringRef option;
  Level level;
};

constexpr Use uses[] = {
    {"dim", Level::Nodes},           {"train", Level::Nodes},
    {"freeze", Level::Nodes},        {"loss", Level::Loss},
    {"attention", Level::Graph},
    {"precision", Level::Stages},
    {"pipeline", Level::Plan},       {"devices", Level::Plan},
    {"microbatches", Level::Plan},   {"chunks", Level::Plan},
    {"data-parallel", Level::Plan},  {"update-every", Level::Plan},
    {"stage-replicas", Level::Plan},
    {"down", Level::Plan},           {"schedule", Level::Plan},
    {"routes", Level::Plan},         {"activations", Level::Plan},
    {"recompute", Level::Plan},      {"shard", Level::Plan},
    {"balance", Level::Plan},        {"offload", Level::Plan},
    {"devices-per-node", Level::Plan},
    {"schedule-effort", Level::Plan}, {"compare", Level::Plan},
    {"optimizer", Level::Program},   {"target", Level::Program},
    {"memory", Level::Program},
};

StringRef nameOf(Level level) {
  switch (level) {
  case Level::Nodes:
  case Level::Graph:
    return "a graph";
  case Level::Loss:
    return "a graph with its loss";
  case Level::Stages:
    return "stages";
  case Level::Plan:
    return "a plan";
  case Level::Program:
    return "a plan with its programs";
  }
  llvm_unreachable("all levels are covered");
}

/// To other devices, not to their hosts.
bool movesActivations(pipe::PlanOp plan) {
  WalkResult walk = plan.walk([](pipe::RecvOp recv) {
    auto device = cast<pipe::DeviceOp>(recv->getParentOp());
    bool isMove = recv.getKind() == pipe::RunKind::E && recv.getFrom() != device.getIndex();
    return isMove ? WalkResult::interrupt() : WalkResult::advance();
  });
  return walk.wasInterrupted();
}

/// How many devices hold each stage.
std::string holdersIn(const schedule::Placement &placement) {
  std::string text;
  for (int stage = 0; stage < placement.stages(); ++stage)
    text += (stage ? "," : "") + std::to_string(placement.holders(stage).size());
  return text;
}

/// What the routes and runs of a plan say.
std::string saidByRoutes(pipe::PlanOp plan, StringRef option) {
  FailureOr<schedule::Placement> placement = placementOf(plan);
  if (failed(placement))
    return "";
  placement->setUpdates(updatesOf(plan, placement->stages()));
  if (option == "data-parallel")
    return std::to_string(placement->replicas());
  if (option == "chunks")
    return std::to_string(placement->stages() * placement->replicas() / placement->devices());
  if (option == "update-every")
    return std::to_string(updatesOf(plan, placement->stages()).every);
  if (option == "stage-replicas")
    return holdersIn(*placement);
  if (option == "recompute")
    return schedule::toString(recomputedStages(plan, placement->stages()));
  return "";
}

/// What the module says on what an option asks for; empty where it says nothing
/// that could be compared.
std::string saidBy(ModuleOp module, StringRef option) {
  if (option == "precision")
    return precisionOf(module);
  for (auto plan : module.getOps<pipe::PlanOp>()) {
    if (option == "pipeline")
      return plan.getSchedule().str();
    if (option == "devices")
      return std::to_string(plan.getDevices());
    if (option == "microbatches")
      return std::to_string(plan.getMicrobatches());
    if (option == "shard")
      return schedule::nameOf(shardOf(plan));
    if (option == "devices-per-node")
      return std::to_string(plan.getDevicesPerNode().value_or(1));
    if (option == "balance")
      return movesActivations(plan) ? "on" : "off";
    if (std::string said = saidByRoutes(plan, option); !said.empty())
      return said;
  }
  for (auto training : module.getOps<pipe::TrainingOp>()) {
    if (option == "optimizer")
      return training.getOptimizer().str();
    if (option == "target")
      return training.getTarget().str();
  }
  return "";
}

/// The stages of a set that are asked for, in the words of a plan of so many.
std::string askedStages(const Options &options, int stages) {
  auto set = schedule::parseStageSet(options.recompute, stages);
  return set ? schedule::toString(*set) : options.recompute;
}

std::string asked(const Options &options, ModuleOp module, StringRef option) {
  if (option == "pipeline")
    return options.pipeline;
  if (option == "devices")
    return std::to_string(options.devices);
  if (option == "microbatches")
    return std::to_string(options.microbatches);
  if (option == "shard")
    return options.shard;
  if (option == "devices-per-node")
    return std::to_string(options.devicesPerNode);
  if (option == "balance")
    return options.balance ? "on" : "off";
  if (option == "data-parallel")
    return std::to_string(options.replicas);
  if (option == "update-every")
    return std::to_string(options.updateEvery);
  if (option == "stage-replicas")
    return llvm::join(llvm::map_range(options.stageReplicas,
                                      [](int count) { return std::to_string(count); }),
                      ",");
  if (option == "recompute")
    for (auto plan : module.getOps<pipe::PlanOp>())
      if (auto placement = placementOf(plan); succeeded(placement))
        return askedStages(options, placement->stages());
  if (option == "chunks")
    return std::to_string(options.chunks);
  if (option == "optimizer")
    return options.optimizer;
  if (option == "target")
    return options.target;
  if (option == "precision")
    return options.precision;
  return "";
}

} // namespace

/// What is wrong with an option that is given for what is done already, if
/// anything.
static std::string contradiction(const Options &options, ModuleOp module,
                                 StringRef option) {
  std::string said = saidBy(module, option), got = asked(options, module, option);
  if (said.empty())
    return "--" + option.str() + " is given, but the file holds " +
           nameOf(levelOf(module)).str() + ": expected an earlier level, or no such option";
  if (said == got)
    return "";
  return "--" + option.str() + " is " + schedule::oneLine(got) + ", but the file holds " +
         nameOf(levelOf(module)).str() + " with " + schedule::oneLine(said);
}

LogicalResult checkAgainst(const Options &options, ModuleOp module) {
  Level level = levelOf(module);
  auto fail = [&](const std::string &message) {
    return emitError(UnknownLoc::get(module.getContext())) << message;
  };
  bool isView = options.emit >= Emit::Schedule && options.emit <= Emit::Report;
  if (!isView && levelFor(options.emit) < level)
    return fail("the file holds " + nameOf(level).str() +
                ", expected an earlier level for this --emit");
  for (const Use &use : uses)
    if (options.given.count(use.option.str()) && level >= use.level)
      if (std::string wrong = contradiction(options, module, use.option); !wrong.empty())
        return fail(wrong);
  // Nothing after the plan is made for times.
  for (StringRef option : {"cost", "cost-file"})
    if (options.given.count(option.str()) && level >= Level::Plan && !isView)
      return fail("--" + option.str() + " is given, but the file holds " + nameOf(level).str() +
                  ", in which it changes nothing: expected no such option");
  return success();
}

} // namespace bitpipe
