//===- MakePlan.cpp - A schedule becomes a plan ----------------------------===//

#include "lib/Transforms/Planning/Costs.h"
#include "lib/Transforms/Planning/Passes.h"
#include "lib/Transforms/Planning/Translate.h"
#include "lib/Transforms/Schedule/Families/Shared/Registry.h"
#include "lib/Transforms/Schedule/Simulate/Communicate.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

#include <algorithm>
#include <climits>
#include <set>

namespace bitpipe {
#define GEN_PASS_DEF_MAKEPLANPASS
#include "lib/Transforms/Planning/Passes.h.inc"
} // namespace bitpipe

using namespace mlir;
using namespace bitpipe;

/// Stages that use the same trainable parameter, for each such set of stages.
static std::vector<std::vector<int>> findTies(ModuleOp module) {
  llvm::MapVector<StringAttr, std::vector<int>> users;
  for (auto stage : module.getOps<pipe::StageOp>())
    for (Attribute parameter : stage.getParameters())
      users[cast<FlatSymbolRefAttr>(parameter).getAttr()].push_back(
          int(stage.getIndex()));
  SymbolTable symbols(module);
  llvm::SetVector<std::vector<int>, std::vector<std::vector<int>>,
                  std::set<std::vector<int>>>
      ties;
  for (auto &[name, stages] : users) {
    llvm::sort(stages);
    stages.erase(llvm::unique(stages), stages.end());
    auto parameter = symbols.lookup<pipe::ParameterOp>(name);
    if (stages.size() > 1 && parameter && parameter.getTrainable())
      ties.insert(stages);
  }
  return ties.takeVector();
}

/// Says what is not sharded as far as the rest.
static void tellShared(ModuleOp module, const std::vector<schedule::Group> &groups) {
  for (const schedule::Group &group : groups)
    if (group.stages.size() > 1) {
      InFlightDiagnostic remark = emitRemark(module.getLoc()) << "parameters that stages ";
      llvm::interleaveComma(group.stages, remark);
      remark << " share stay whole on their devices, with their gradients; the optimizer steps slices of them";
    }
}

/// Says that what is simulated is not what the plan's devices do.
static void tellPairs(ModuleOp module, const schedule::Schedule &schedule,
                      const schedule::Costs &costs) {
  if (size_t pairs = costs.overlapsPairs() ? schedule::pairsIn(schedule.order) : 0)
    emitRemark(module.getLoc()) << schedule.name << ": times count its " << pairs
                                << " pairs at the same time, as 'pair' of the costs says; "
                                << schedule::runsApart;
}

/// The schedule in the words of the request.
static llvm::StringRef nameOf(const schedule::Request &request) {
  if (!request.order.empty())
    return request.order;
  return request.routes.empty() ? request.pipeline : request.routes;
}

namespace {
struct MakePlanPass : bitpipe::impl::MakePlanPassBase<MakePlanPass> {
  using MakePlanPassBase::MakePlanPassBase;

  void runOnOperation() override {
    if (failed(makePlan(getOperation())))
      signalPassFailure();
  }

private:
  /// What is too large for an int is too large for a schedule, which says so.
  static int clamped(int64_t number) {
    return int(std::clamp<int64_t>(number, INT_MIN, INT_MAX));
  }

  schedule::Request request() const {
    schedule::Request result;
    result.pipeline = pipeline;
    // A file that brings its own is not asked for any others.
    bool isFile = !routes.empty() || !scheduleFile.empty();
    int64_t ownDevices = devices, ownMicrobatches = microbatches;
    if (!isFile && !ownDevices)
      ownDevices = 4;
    if (!isFile && !ownMicrobatches)
      ownMicrobatches = 2 * ownDevices;
    result.devices = clamped(ownDevices);
    result.microbatches = clamped(ownMicrobatches);
    result.replicas = clamped(replicas);
    result.chunks = clamped(chunks);
    result.down = int(down);
    result.updateEvery = clamped(updateEvery);
    result.stageReplicas.assign(stageReplicas.begin(), stageReplicas.end());
    result.routes = routes;
    result.order = scheduleFile;
    result.memory = activations;
    result.effort = effort;
    result.recompute = recompute;
    result.balance = balance;
    result.offload = offload;
    result.shard = *schedule::shardNamed(shard);
    return result;
  }

  LogicalResult makePlan(ModuleOp module) {
    for (auto plan : module.getOps<pipe::PlanOp>())
      return emitError(plan.getLoc()) << "the module has a plan already, "
                                         "expected none";
    if (!schedule::shardNamed(shard))
      return emitError(module.getLoc()) << "shard is '" << shard << "', expected none, "
                                           "optimizer, gradients or parameters";
    schedule::Request asked = request();
    auto placement = schedule::placementFor(asked);
    if (!placement)
      return emitError(module.getLoc()) << placement.error().text;

    auto stages = module.getOps<pipe::StageOp>();
    int64_t got = std::distance(stages.begin(), stages.end());
    int64_t expected = placement->stages();
    if (got && got != expected)
      return emitError(module.getLoc())
             << "the model has " << got << " stages, expected " << expected
             << " for '" << nameOf(asked) << "' on " << placement->devices()
             << " devices";

    auto costs = findCosts(cost, costFile, placement->devices(), module);
    if (!costs)
      return emitError(module.getLoc()) << costs.error().text;
    asked.costs = *costs;
    auto schedule = schedule::buildSchedule(asked);
    if (!schedule)
      return emitError(module.getLoc()) << schedule.error().text;
    auto program =
        schedule::communicate(*schedule, findTies(module), *costs);
    if (!program)
      return emitError(module.getLoc())
             << schedule->name << ": " << program.error().text;
    if (!schedule->note.empty())
      emitRemark(module.getLoc()) << schedule->note;
    tellPairs(module, *schedule, *costs);
    if (asked.shard != schedule::Shard::None &&
        !llvm::is_contained(schedule::shardedGroups(*program), true))
      emitWarning(module.getLoc())
          << schedule->name << " holds all parameters once: --shard=" << shard << " changes nothing";
    if (schedule->placement.scatters())
      tellShared(module, program->groups);
    OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
    auto plan = writePlan(builder, module.getLoc(), schedule->name, *program);
    keepCosts(module, plan);
    if (failed(setNodes(plan, *program, costs->devicesPerNode)))
      return failure();
    return success();
  }

  /// `known` are the devices per node that the costs have links for, or 0.
  LogicalResult setNodes(pipe::PlanOp plan, const schedule::Program &program, int known) {
    int64_t asked = devicesPerNode, perNode = asked ? asked : known;
    Location loc = plan.getLoc();
    if (asked > 1 && known && asked != known)
      return emitError(loc) << "nodes have " << asked << " devices, but " << known << " in " << costFile
                            << ": expected the same, or 1, where sums go all at once";
    if (perNode <= 1)
      return success();
    if (!llvm::any_of(program.groups, [&](const schedule::Group &group) { return isDivided(group, perNode); })) {
      if (asked)
        emitWarning(loc) << plan.getSchedule() << " sums nothing over several nodes of " << perNode
                         << " devices and within one: --devices-per-node changes nothing";
      return success();
    }
    plan.setDevicesPerNode(perNode);
    if (!asked)
      emitRemark(loc) << "sums go first within nodes of " << perNode << " devices, which " << costFile
                      << " has, then between them";
    return success();
  }

  /// Whether some, but not all of those who hold a group are on one node.
  static bool isDivided(const schedule::Group &group, int64_t perNode) {
    std::set<int64_t> nodes;
    for (int device : group.devices)
      nodes.insert(device / perNode);
    return nodes.size() > 1 && nodes.size() < group.devices.size();
  }
};
} // namespace
