//===- LowerPlan.cpp - Plan and routines become programs -------------------===//

#include "lib/Transforms/Lower/DeviceMemory.h"
#include "lib/Transforms/Lower/Passes.h"
#include "lib/Transforms/Lower/PrintMemory.h"

#include "mlir/IR/Builders.h"

#include <algorithm>

namespace bitpipe {
#define GEN_PASS_DEF_LOWERPLAN
#include "lib/Transforms/Lower/Passes.h.inc"
} // namespace bitpipe

using namespace mlir;
using namespace bitpipe;
using namespace bitpipe::lower;

namespace {

/// Writes one device's program.
class ProgramWriter {
public:
  ProgramWriter(const DeviceProgram &program, const DeviceMemory &memory,
                const ParameterGroups &groups, OpBuilder &outside)
      : program(program), memory(memory), groups(groups),
        op(pipe::ProgramOp::create(
            outside, program.loc, outside.getI64IntegerAttr(program.index),
            outside.getI64IntegerAttr(memory.arena))),
        builder(OpBuilder::atBlockEnd(&op.getBody().emplaceBlock())) {}

  pipe::ProgramOp write() {
    for (auto [index, slot] : llvm::enumerate(memory.slots))
      writeSlot(index, slot);
    for (int64_t group : program.groups)
      writeResidents(group);
    for (const Instruction &item : program.instructions)
      writeInstruction(item);
    return op;
  }

private:
  IntegerAttr i64(int64_t value) { return builder.getI64IntegerAttr(value); }
  UnitAttr unitIf(bool condition) {
    return condition ? builder.getUnitAttr() : UnitAttr();
  }
  IntegerAttr optional(std::optional<int64_t> value) {
    return value ? i64(*value) : IntegerAttr();
  }

  void writeSlot(int64_t index, const Slot &slot) {
    pipe::SlotOp::create(
        builder, op.getLoc(), i64(index), builder.getStringAttr(slot.source),
        i64(slot.bytes), optional(slot.offset),
        slot.name.empty() ? StringAttr() : builder.getStringAttr(slot.name),
        optional(slot.microbatch), optional(slot.dropout));
  }

  void writeResidents(int64_t group) {
    bool isOwner = llvm::is_contained(program.ownedGroups, group);
    for (const auto &member : groups.all()[group].members) {
      pipe::ParameterOp source = member.parameter;
      IntegerAttr working =
          member.working ? i64(memory.working.at(group)) : IntegerAttr();
      IntegerAttr workingOffset = member.working ? i64(placeOfCopy(group, member)) : IntegerAttr();
      pipe::ResidentOp::create(
          builder, source.getLoc(), source.getSymNameAttr(),
          source.getTypeAttr(), i64(memory.weights.at(group)), i64(member.offset),
          sliceBegin(group), source.getTrainableAttr(), unitIf(isOwner), working,
          workingOffset);
    }
  }

  /// In the slot of all copies, or of those in the device's slice, where the first that falls into it.
  int64_t placeOfCopy(int64_t number, const ParameterGroup::Member &member) {
    if (!program.gathered.contains(number))
      return *member.working;
    constexpr int64_t copySize = 2;
    const ParameterGroup &group = groups.all()[number];
    auto [begin, end] = program.slices.at(number).of(program.index);
    int64_t first = std::clamp(member.offset / int64_t(sizeof(float)), begin, end);
    return copySize * (group.copiesBefore(first) - group.copiesBefore(begin));
  }

  /// Where the device's slice begins among the bytes of a group whose parameters are sharded.
  IntegerAttr sliceBegin(int64_t group) {
    if (!program.gathered.contains(group))
      return {};
    return i64(program.slices.at(group).of(program.index).first * int64_t(sizeof(float)));
  }

  void writeInstruction(const Instruction &item) {
    auto slot = [&](unsigned i) { return memory.slotOfPiece[item.pieces[i]]; };
    auto kind = pipe::RunKindAttr::get(builder.getContext(), item.run);
    switch (item.kind) {
    case Instruction::Execute: {
      SmallVector<int64_t> slots;
      for (unsigned i = 0; i < item.pieces.size(); ++i)
        slots.push_back(slot(i));
      pipe::ExecuteOp::create(builder, item.loc, kind, i64(item.stage),
                              i64(item.microbatch), item.routine,
                              builder.getDenseI64ArrayAttr(slots));
      return;
    }
    case Instruction::Transmit:
      pipe::TransmitOp::create(builder, item.loc, kind, i64(item.stage),
                               i64(item.microbatch), i64(item.peer),
                               i64(slot(0)), unitIf(item.handover));
      return;
    case Instruction::Receive:
      pipe::ReceiveOp::create(builder, item.loc, kind, i64(item.stage),
                              i64(item.microbatch), i64(item.peer),
                              i64(slot(0)));
      return;
    case Instruction::AllReduce:
      pipe::AllReduceOp::create(builder, item.loc, stagesOf(item), holdersOf(item),
                                i64(memory.gradients.at(item.group)));
      return;
    case Instruction::ReduceScatter: {
      auto [slot, own] = slotsOf(item, memory.gradients.at(item.group));
      pipe::ReduceScatterOp::create(builder, item.loc, stagesOf(item), holdersOf(item), slot,
                                    sliceOf(item), own);
      return;
    }
    case Instruction::AllGather:
      return writeGather(item);
    case Instruction::Clear:
      pipe::ClearOp::create(builder, item.loc, stagesOf(item), i64(slot(0)));
      return;
    case Instruction::GradNorm:
      return writeNorm(item);
    case Instruction::Stash: {
      bool hasCopies = item.pieces.size() > 1;
      pipe::StashOp::create(builder, item.loc, stagesOf(item), i64(item.version),
                            i64(memory.weights.at(item.group)), i64(slot(0)),
                            hasCopies ? i64(memory.working.at(item.group)) : IntegerAttr(),
                            hasCopies ? i64(slot(1)) : IntegerAttr());
      return;
    }
    case Instruction::Step:
      return writeStep(item);
    case Instruction::Round:
      pipe::RoundOp::create(builder, item.loc, stagesOf(item),
                            i64(groups.all()[item.group].workingElements),
                            i64(memory.weights.at(item.group)),
                            i64(memory.working.at(item.group)));
    }
  }

  /// The slot that is kept; or what is there for a while, and the kept one, which holds a slice.
  std::pair<IntegerAttr, IntegerAttr> slotsOf(const Instruction &item, int64_t kept) {
    if (item.pieces.empty())
      return {i64(kept), IntegerAttr()};
    return {i64(memory.slotOfPiece[item.pieces[0]]), i64(kept)};
  }

  /// Where there are copies, of these, or of what is read in f32.
  void writeGather(const Instruction &item) {
    const ParameterGroup &group = groups.all()[item.group];
    bool isOfCopies = !item.pieces.empty() &&
                      program.pieces[item.pieces[0]].name.block.role == Role::Working;
    auto [slot, own] = slotsOf(item, (isOfCopies ? memory.working : memory.weights).at(item.group));
    SmallVector<ParameterGroup::Elements, 2> ranges;
    if (isOfCopies)
      ranges = group.copied();
    else if (own && group.full)
      ranges.push_back({group.full->first / int64_t(sizeof(float)), group.full->second / int64_t(sizeof(float))});
    auto list = [&](auto part) {
      auto values = llvm::map_to_vector(ranges, part);
      return ranges.empty() ? DenseI64ArrayAttr() : builder.getDenseI64ArrayAttr(values);
    };
    pipe::AllGatherOp::create(builder, item.loc, stagesOf(item), holdersOf(item), slot, sliceOf(item),
                              list([](auto range) { return range.first; }),
                              list([](auto range) { return range.second; }), own);
  }

  DenseI64ArrayAttr stagesOf(const Instruction &item) {
    return builder.getDenseI64ArrayAttr(groups.all()[item.group].stages);
  }
  DenseI64ArrayAttr holdersOf(const Instruction &item) {
    return builder.getDenseI64ArrayAttr(program.slices.at(item.group).holders);
  }
  IntegerAttr sliceOf(const Instruction &item) {
    return i64(program.slices.at(item.group).slice);
  }

  /// Of every group the device's slice, whether or not it steps that alone: so that
  /// the sum has one order. Updates between micro-batches have added what they took.
  void writeNorm(const Instruction &item) {
    SmallVector<int64_t> slots, begins, ends;
    bool isWhole = true;
    for (auto &[group, slot] : memory.gradients) {
      if (program.versions)
        break;
      auto [begin, end] = program.stepped(group, groups);
      if (begin == end)
        continue;
      isWhole &= end - begin == program.slices.at(group).elements && !program.sharded.contains(group);
      int64_t first = program.scattered.contains(group) ? begin : 0; // of the slot
      slots.push_back(slot);
      begins.push_back(begin - first);
      ends.push_back(end - first);
    }
    auto unless = [&](ArrayRef<int64_t> values) {
      return isWhole ? DenseI64ArrayAttr() : builder.getDenseI64ArrayAttr(values);
    };
    pipe::GradNormOp::create(builder, item.loc, builder.getDenseI64ArrayAttr(slots),
                             unless(begins), unless(ends));
  }

  void writeStep(const Instruction &item) {
    const ParameterGroup &group = groups.all()[item.group];
    auto slotOf = [&](const std::map<int64_t, int64_t> &slots) {
      auto found = slots.find(item.group);
      return found == slots.end() ? IntegerAttr() : i64(found->second);
    };
    bool isSharded = program.sharded.contains(item.group);
    auto [begin, end] = program.stepped(item.group, groups);
    auto at = [&](const std::set<int64_t> &sliced) {
      return sliced.contains(item.group) ? i64(begin) : IntegerAttr();
    };
    // The copies may all be of frozen ones; where weights are whole, and slices are stepped, `round` makes them.
    bool rounds = group.workingElements > 0 && (!isSharded || program.gathered.contains(item.group));
    bool isBetween = item.version >= 0;
    pipe::StepOp::create(builder, item.loc, stagesOf(item),
                         i64(group.trainableBytes / sizeof(float)),
                         i64(memory.weights.at(item.group)), at(program.gathered),
                         i64(memory.gradients.at(item.group)), at(program.scattered),
                         isBetween ? i64(item.microbatch) : IntegerAttr(),
                         isBetween ? i64(program.versions.ofStage.at(item.stage)) : IntegerAttr(),
                         isSharded ? i64(begin) : IntegerAttr(),
                         isSharded ? i64(end) : IntegerAttr(),
                         slotOf(memory.moment1), slotOf(memory.moment2),
                         rounds ? slotOf(memory.working) : IntegerAttr(),
                         rounds ? i64(group.workingElements) : IntegerAttr());
  }

  const DeviceProgram &program;
  const DeviceMemory &memory;
  const ParameterGroups &groups;
  pipe::ProgramOp op;
  OpBuilder builder;
};

class LowerPlan : public bitpipe::impl::LowerPlanBase<LowerPlan> {
public:
  using LowerPlanBase::LowerPlanBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto plans = llvm::to_vector(module.getOps<pipe::PlanOp>());
    if (plans.size() != 1) {
      emitError(module.getLoc())
          << "module has " << plans.size() << " pipe.plan, expected 1";
      return signalPassFailure();
    }
    if (failed(lower(plans.front())))
      return signalPassFailure();
    for (auto stage :
         llvm::make_early_inc_range(module.getOps<pipe::StageOp>()))
      stage.erase();
  }

private:
  LogicalResult lower(pipe::PlanOp plan) {
    auto groups = ParameterGroups::find(getOperation());
    if (failed(groups))
      return failure();
    auto stages = StageTable::find(getOperation(), *groups);
    if (failed(stages))
      return failure();
    Versions versions = Versions::find(plan);
    std::vector<DeviceProgram> programs;
    for (auto device : plan.getBody().getOps<pipe::DeviceOp>()) {
      auto program = collectProgram(plan, device, *stages, versions);
      if (failed(program))
        return failure();
      programs.push_back(std::move(*program));
    }
    finishMessages(programs);
    return write(plan, programs, *groups);
  }

  LogicalResult write(pipe::PlanOp plan, ArrayRef<DeviceProgram> programs,
                      const ParameterGroups &groups) {
    auto training = *getOperation().getOps<pipe::TrainingOp>().begin();
    bool hasMoments = training.getOptimizer() == "adamw";
    int64_t alignment = training.getTarget() == "cuda" ? gpuSlotAlignment : abi::alignment;
    auto inputs =
        llvm::to_vector(training.getInputs().getAsValueRange<StringAttr>());
    auto builder = OpBuilder(plan);
    builder.setInsertionPointAfter(plan);
    for (const DeviceProgram &program : programs) {
      DeviceMemory memory = layOutMemory(program, groups, hasMoments, inputs, alignment);
      auto op = ProgramWriter(program, memory, groups, builder).write();
      if (failed(checkLimit(op)))
        return failure();
    }
    return success();
  }

  LogicalResult checkLimit(pipe::ProgramOp program) {
    MemoryUse use = memoryUse(program);
    if (memoryLimit <= 0 || use.total() <= memoryLimit)
      return success();
    return emitError(program.getLoc())
           << "device " << program.getDevice() << " needs " << use.total()
           << " bytes, expected at most " << int64_t(memoryLimit) << ": weights "
           << use.weights << ", working weights " << use.working << ", gradients " << use.gradients << ", optimizer "
           << use.optimizer << ", activations " << use.activations
           << ", messages " << use.messages << ", scratch " << use.scratch
           << (use.workspace ? ", workspace of products " + std::to_string(use.workspace) : "")
           << (use.stashed ? ", older versions of weights " + std::to_string(use.stashed) : "");
  }
};

} // namespace
