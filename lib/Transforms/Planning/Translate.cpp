//===- Translate.cpp - Between pipe.plan and programs ----------------------===//

#include "lib/Transforms/Planning/Translate.h"
#include "lib/Transforms/Schedule/Core/Routes.h"

#include "llvm/ADT/TypeSwitch.h"

#include <map>

using namespace mlir;
using namespace bitpipe;
using schedule::Action;
using schedule::Instruction;

static SmallVector<int64_t> wide(const std::vector<int> &values) {
  return {values.begin(), values.end()};
}

/// A number from a text. What is too large for an int is none that a plan can
/// have, and -1 is refused wherever it stands.
static int narrow(int64_t value) {
  return value == int(value) ? int(value) : -1;
}

static std::vector<int> narrow(ArrayRef<int64_t> values) {
  std::vector<int> result;
  for (int64_t value : values)
    result.push_back(narrow(value));
  return result;
}

// The two enumerations name the same kinds in the same order; those of the schedule that
// only receive, K and L, are none of a plan's.
static pipe::RunKind toPlan(schedule::Kind kind) {
  return static_cast<pipe::RunKind>(kind);
}
static schedule::Kind toSchedule(pipe::RunKind kind) {
  return static_cast<schedule::Kind>(kind);
}

/// The discardable attribute of a run that is meant to go on at the same time as
/// the run after it.
static constexpr StringLiteral overlapsName = "overlaps_next";

/// The discardable attribute of a plan whose last stage recomputes and computes its loss with
/// the input gradient, so that its forward has nothing to do.
static constexpr StringLiteral lossName = "loss_in_gradient";

static void writeRun(OpBuilder &builder, Location loc, const Action &action) {
  IntegerAttr versions;
  if (action.kind == schedule::Kind::U)
    versions = builder.getI64IntegerAttr(action.versions);
  auto run = pipe::RunOp::create(builder, loc, toPlan(action.kind), action.stage,
                                 action.microbatch, versions);
  if (action.overlapsNext)
    run->setAttr(overlapsName, builder.getUnitAttr());
}

static void writeInstruction(OpBuilder &builder, Location loc,
                             const Instruction &instruction,
                             const schedule::Program &program) {
  using Op = Instruction::Op;
  const Action &action = instruction.action;
  pipe::RunKind kind = toPlan(action.kind);
  int64_t stage = action.stage, microbatch = action.microbatch;
  switch (instruction.op) {
  case Op::Run:
    writeRun(builder, loc, action);
    return;
  case Op::Send:
    pipe::SendOp::create(builder, loc, kind, stage, microbatch,
                         instruction.peer);
    return;
  case Op::Recv:
    pipe::RecvOp::create(builder, loc, kind, stage, microbatch,
                         instruction.peer);
    return;
  case Op::Reduce:
    pipe::ReduceOp::create(builder, loc,
                           wide(program.groups[instruction.group].stages));
    return;
  case Op::Update:
    pipe::UpdateOp::create(builder, loc,
                           wide(program.groups[instruction.group].stages));
    return;
  case Op::Unshard:
    pipe::UnshardOp::create(builder, loc,
                            wide(program.groups[instruction.group].stages));
    return;
  }
}

pipe::PlanOp bitpipe::writePlan(OpBuilder &builder, Location loc,
                                StringRef name,
                                const schedule::Program &program) {
  OpBuilder::InsertionGuard guard(builder);
  auto plan = pipe::PlanOp::create(builder, loc, "plan", name,
                                   program.placement.devices(),
                                   program.placement.microbatches(), /*devices_per_node=*/IntegerAttr());
  if (program.placement.hasEmptyForward(program.placement.stages() - 1))
    plan->setAttr(lossName, builder.getUnitAttr());
  builder.createBlock(&plan.getBody());
  for (const schedule::Route &route : program.placement.routes())
    pipe::RouteOp::create(builder, loc, wide(route.devices),
                          wide(route.microbatches));
  for (const schedule::Group &group : program.groups)
    if (group.stages.size() > 1)
      pipe::TieOp::create(builder, loc, wide(group.stages));
  for (auto [index, list] : llvm::enumerate(program.devices)) {
    auto device = pipe::DeviceOp::create(builder, loc, int64_t(index));
    OpBuilder::InsertionGuard inner(builder);
    builder.createBlock(&device.getBody());
    for (const Instruction &instruction : list)
      writeInstruction(builder, loc, instruction, program);
  }
  return plan;
}

std::vector<bool> bitpipe::recomputedStages(pipe::PlanOp plan, int stages) {
  std::vector<bool> result(stages);
  plan.walk([&](pipe::RunOp run) {
    if (run.getKind() == pipe::RunKind::R && run.getStage() < uint64_t(stages))
      result[run.getStage()] = true;
  });
  return result;
}

schedule::Updates bitpipe::updatesOf(pipe::PlanOp plan, int stages) {
  schedule::Order updates;
  for (auto device : plan.getOps<pipe::DeviceOp>()) {
    auto &list = updates.emplace_back();
    for (auto run : device.getBody().getOps<pipe::RunOp>())
      if (run.getKind() == pipe::RunKind::U && run.getStage() < uint64_t(stages))
        list.push_back({schedule::Kind::U, false, narrow(run.getStage()),
                        narrow(run.getMicrobatch()), narrow(run.getVersions().value_or(0))});
  }
  return schedule::updatesIn(updates, stages);
}

schedule::Shard bitpipe::shardOf(pipe::PlanOp plan) {
  schedule::Order kinds(1);
  bool unshards = false;
  plan.walk([&](Operation *op) {
    unshards |= isa<pipe::UnshardOp>(op);
    if (auto run = dyn_cast<pipe::RunOp>(op))
      kinds[0].push_back({toSchedule(run.getKind())});
  });
  return std::max(schedule::shardIn(kinds),
                  unshards ? schedule::Shard::Optimizer : schedule::Shard::None);
}

std::vector<int> bitpipe::keepersOf(pipe::PlanOp plan, const schedule::Placement &placement) {
  std::vector<int> result(size_t(placement.stages()) * placement.microbatches(), -1);
  plan.walk([&](pipe::RecvOp recv) {
    auto device = dyn_cast<pipe::DeviceOp>(recv->getParentOp());
    uint64_t stage = recv.getStage(), microbatch = recv.getMicrobatch();
    if (device && recv.getKind() == pipe::RunKind::E && stage < uint64_t(placement.stages()) &&
        microbatch < uint64_t(placement.microbatches()))
      result[stage * placement.microbatches() + microbatch] = narrow(device.getIndex());
  });
  return result;
}

FailureOr<schedule::Placement> bitpipe::placementOf(pipe::PlanOp plan) {
  std::vector<schedule::Route> routes;
  for (auto route : plan.getOps<pipe::RouteOp>())
    routes.push_back(
        {narrow(route.getDevices()), narrow(route.getMicrobatches())});
  auto placement = schedule::Placement::make(narrow(plan.getDevices()), routes);
  if (!placement)
    return emitError(plan.getLoc()) << placement.error().text;
  if (auto unused = schedule::checkUsed(*placement))
    return emitError(plan.getLoc()) << unused->text;
  if (placement->microbatches() != int64_t(plan.getMicrobatches()))
    return emitError(plan.getLoc())
           << "routes cover " << placement->microbatches()
           << " micro-batches, expected " << plan.getMicrobatches();
  return std::move(*placement);
}

/// The routes and ties of a plan, without instructions.
static FailureOr<schedule::Program> readHeader(pipe::PlanOp plan) {
  FailureOr<schedule::Placement> placement = placementOf(plan);
  if (failed(placement))
    return failure();
  std::vector<std::vector<int>> ties;
  for (auto tie : plan.getOps<pipe::TieOp>())
    ties.push_back(narrow(tie.getStages()));
  auto groups = schedule::makeGroups(*placement, ties);
  if (!groups)
    return emitError(plan.getLoc()) << groups.error().text;
  placement->setRecomputed(recomputedStages(plan, placement->stages()));
  placement->setLossInGradient(plan->hasAttr(lossName));
  placement->setUpdates(updatesOf(plan, placement->stages()));
  placement->setKeepers(keepersOf(plan, *placement));
  placement->setShard(shardOf(plan));
  return schedule::Program{*placement, *groups, {}, {}};
}

/// The group of exactly these stages.
static FailureOr<int> findGroup(Operation *op, ArrayRef<int64_t> stages,
                                const schedule::Program &program) {
  for (auto [index, group] : llvm::enumerate(program.groups))
    if (llvm::equal(group.stages, stages))
      return int(index);
  InFlightDiagnostic error = emitError(op->getLoc()) << "no group of stages [";
  llvm::interleaveComma(stages, error);
  return error << "], expected one stage or the stages of a tie";
}

static FailureOr<Instruction> readInstruction(Operation *op,
                                              const schedule::Program &program) {
  auto action = [](auto run) {
    return Action{toSchedule(run.getKind()), run->hasAttr(overlapsName),
                  narrow(run.getStage()), narrow(run.getMicrobatch())};
  };
  return TypeSwitch<Operation *, FailureOr<Instruction>>(op)
      .Case([&](pipe::RunOp run) -> FailureOr<Instruction> {
        Action made = action(run);
        made.versions = narrow(run.getVersions().value_or(0));
        return Instruction::run(made);
      })
      .Case([&](pipe::SendOp send) {
        return Instruction::send(action(send), narrow(send.getTo()));
      })
      .Case([&](pipe::RecvOp recv) {
        return Instruction::recv(action(recv), narrow(recv.getFrom()));
      })
      .Case([&](pipe::ReduceOp reduce) -> FailureOr<Instruction> {
        FailureOr<int> group = findGroup(op, reduce.getStages(), program);
        if (failed(group))
          return failure();
        return Instruction::reduce(*group);
      })
      .Case([&](pipe::UpdateOp update) -> FailureOr<Instruction> {
        FailureOr<int> group = findGroup(op, update.getStages(), program);
        if (failed(group))
          return failure();
        return Instruction::update(*group);
      })
      .Case([&](pipe::UnshardOp unshard) -> FailureOr<Instruction> {
        FailureOr<int> group = findGroup(op, unshard.getStages(), program);
        if (failed(group))
          return failure();
        return Instruction::unshard(*group);
      })
      .Default([](Operation *op) -> FailureOr<Instruction> {
        return emitError(op->getLoc())
               << "'" << op->getName()
               << "' in a device, expected run, send, recv, reduce, update or unshard";
      });
}

FailureOr<PlanProgram> bitpipe::readPlan(pipe::PlanOp plan) {
  FailureOr<schedule::Program> header = readHeader(plan);
  if (failed(header))
    return failure();
  PlanProgram result{std::move(*header), {}};
  for (auto device : plan.getOps<pipe::DeviceOp>()) {
    size_t expected = result.program.devices.size();
    if (device.getIndex() != expected)
      return emitError(device.getLoc()) << "device " << device.getIndex()
                                        << ", expected device " << expected;
    auto &instructions = result.program.devices.emplace_back();
    auto &operations = result.operations.emplace_back();
    for (Operation &op : device.getBody().front()) {
      FailureOr<Instruction> instruction =
          readInstruction(&op, result.program);
      if (failed(instruction))
        return failure();
      instructions.push_back(*instruction);
      operations.push_back(&op);
    }
  }
  schedule::mapChannels(result.program);
  return result;
}

schedule::Order bitpipe::orderOf(const schedule::Program &program) {
  schedule::Order order(program.devices.size());
  for (auto [list, instructions] : llvm::zip(order, program.devices))
    for (const Instruction &instruction : instructions)
      if (std::optional<Action> action = schedule::actionOf(instruction))
        list.push_back(*action);
  return order;
}

schedule::Schedule bitpipe::scheduleOf(pipe::PlanOp plan,
                                       const schedule::Program &program) {
  return {plan.getSchedule().str(), program.placement, orderOf(program)};
}
