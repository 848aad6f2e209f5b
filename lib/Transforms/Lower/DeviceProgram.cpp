//===- DeviceProgram.cpp - A device's list with the memory it needs --------===//

#include "lib/Transforms/Lower/DeviceProgram.h"

#include "lib/Transforms/Lower/Pieces.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace bitpipe;
using namespace bitpipe::lower;

namespace {

class Collector {
public:
  Collector(pipe::PlanOp plan, pipe::DeviceOp device, const StageTable &stages,
            const Versions &versions)
      : plan(plan), device(device), stages(stages),
        program{device.getLoc(), int64_t(device.getIndex()), {}, {}, {}, {}, {}, {}, {}, {}, versions} {
    findSharded(device, stages.groups(), program);
    for (auto [number, group] : llvm::enumerate(stages.groups().all())) {
      bool isGathered = program.gathered.contains(number);
      Slices slices = slicesOf(plan, group, isGathered);
      if (!llvm::is_contained(slices.holders, program.index))
        continue;
      program.groups.push_back(number);
      if (slices.holders.front() == program.index || isGathered)
        program.ownedGroups.push_back(number);
      program.slices[number] = std::move(slices);
    }
    findLastReads();
  }

  FailureOr<DeviceProgram> run() {
    Block &list = device.getBody().front();
    for (auto it = list.begin(); it != list.end(); ++it) {
      bool isNext = false; // the following entry has been dealt with
      if (failed(add(&*it, it->getNextNode(), isNext)))
        return failure();
      if (isNext)
        ++it;
    }
    wholes.endTravel();
    addNorm(program.loc);
    addRounds();
    return std::move(program);
  }

private:
  LogicalResult add(Operation *op, Operation *next, bool &tookNext) {
    return TypeSwitch<Operation *, LogicalResult>(op)
        .Case([&](pipe::RunOp run) { return addRun(run, next, tookNext); })
        .Case([&](pipe::SendOp send) { return addSend(send); })
        .Case([&](pipe::RecvOp recv) { return addReceive(recv); })
        .Case([&](pipe::ReduceOp reduce) { return addReduce(reduce); })
        .Case([&](pipe::UpdateOp update) { return addUpdate(update); })
        .Case([&](pipe::UnshardOp unshard) { return addForGroup(Instruction::AllGather, unshard); })
        .Default([](Operation *other) {
          return emitError(other->getLoc())
                 << other->getName() << " is no instruction of a device";
        });
  }

  /// A whole backward is an input gradient and a weight gradient; what the
  /// first makes is sent before the second runs.
  LogicalResult addRun(pipe::RunOp op, Operation *next, bool &tookNext) {
    if (failed(addParts(op, next, tookNext)))
      return failure();
    for (unsigned piece : leaving)
      program.pieces[piece].lifetime.last = int64_t(program.instructions.size()) - 1;
    leaving.clear();
    return success();
  }

  LogicalResult addParts(pipe::RunOp op, Operation *next, bool &tookNext) {
    auto stage = stages.stage(op.getLoc(), op.getStage());
    if (failed(stage))
      return failure();
    pipe::RunKind kind = op.getKind();
    if (kind == pipe::RunKind::F)
      return execute(op, *stage, kind, stage->getForwardAttr());
    if (kind == pipe::RunKind::R)
      return addRecomputation(op, *stage);
    if (kind == pipe::RunKind::U)
      return addUpdateBetween(op);
    if (kind == pipe::RunKind::A || kind == pipe::RunKind::D || kind == pipe::RunKind::S)
      return addOfShards(op);
    if (kind != pipe::RunKind::W &&
        failed(execute(op, *stage, pipe::RunKind::I,
                       stage->getInputGradientAttr())))
      return failure();
    if (kind == pipe::RunKind::I)
      return success();
    auto send = dyn_cast_or_null<pipe::SendOp>(next);
    tookNext = kind == pipe::RunKind::B && send &&
               send.getKind() == kind && send.getStage() == op.getStage() &&
               send.getMicrobatch() == op.getMicrobatch();
    if (tookNext && failed(addSend(send)))
      return failure();
    return execute(op, *stage, pipe::RunKind::W,
                   stage->getWeightGradientAttr());
  }

  LogicalResult addRecomputation(pipe::RunOp op, pipe::StageOp stage) {
    if (stage.getRecomputeAttr())
      return execute(op, stage, pipe::RunKind::R, stage.getRecomputeAttr());
    return emitError(op.getLoc())
           << "stage " << stage.getIndex()
           << " has no function for recomputation, expected one for run R";
  }

  LogicalResult execute(pipe::RunOp op, pipe::StageOp stage,
                        pipe::RunKind kind, FlatSymbolRefAttr name) {
    if (!name)
      return success(); // nothing to compute
    Instruction item{Instruction::Execute, op.getLoc(), kind,
                     int64_t(op.getStage()), int64_t(op.getMicrobatch())};
    item.routine = name;
    pipe::RoutineOp routine = stages.routine(name);
    auto roles = routine.getRolesAttr().getAsValueRange<StringAttr>();
    for (auto role : roles)
      clearBeforeSum(op, stages.pieceFor(stage, *RoutineBlock::parse(role), op.getMicrobatch()));
    for (auto [role, bytes] : llvm::zip(roles, routine.getBlocks())) {
      RoutineBlock block = *RoutineBlock::parse(role);
      PieceName piece = stages.pieceFor(stage, block, op.getMicrobatch());
      if (failed(chooseWhole(op, piece)))
        return failure();
      if (block.role == Role::Scratch) // of this run only
        piece = {block, int64_t(program.instructions.size())};
      if (program.versions && failed(chooseVersion(op, piece)))
        return failure();
      if (failed(checkExists(op, kind, block, piece)))
        return failure();
      item.pieces.push_back(pieces.use(piece, bytes));
    }
    program.instructions.push_back(item);
    return success();
  }

  void clearBeforeSum(pipe::RunOp op, const PieceName &piece) {
    if (piece.block.role == Role::Gradients && program.scattered.contains(piece.block.number))
      wholes.clear(op.getLoc(), piece);
  }

  LogicalResult chooseWhole(pipe::RunOp op, PieceName &piece) {
    bool isOfWeights = piece.block.role == Role::Weights || piece.block.role == Role::Working;
    if (!isOfWeights || !program.gathered.contains(piece.block.number))
      return success();
    RoutineBlock block = piece.block;
    piece = wholes.weights(block);
    if (pieces.has(piece) || wholes.gatheredBytes(block) == 0)
      return success();
    return emitError(op.getLoc()) << "run of stage " << op.getStage() << ", micro-batch "
                                  << op.getMicrobatch() << " on device " << program.index
                                  << " reads weights that are not there, expected them gathered before";
  }

  LogicalResult addOfShards(pipe::RunOp op) {
    auto group = groupOf(op.getLoc(), {int64_t(op.getStage())});
    if (failed(group) || *group < 0)
      return success(succeeded(group));
    if (op.getKind() == pipe::RunKind::D)
      wholes.drop(*group);
    else if (op.getKind() == pipe::RunKind::A)
      wholes.gather(op.getLoc(), *group);
    else if (isTrainable(*group))
      wholes.scatter(op.getLoc(), *group);
    return success();
  }

  /// The last run on the device that reads each version of a stage's weights.
  void findLastReads() {
    if (program.versions)
      for (auto run : device.getBody().getOps<pipe::RunOp>())
        if (run.getKind() != pipe::RunKind::U)
          lastReads[{run.getStage(),
                     program.versions.read(run.getStage(), run.getMicrobatch())}] = run;
  }

  /// Of weights the version that the run reads, and of the seed the one of its update.
  LogicalResult chooseVersion(pipe::RunOp op, PieceName &piece) {
    int64_t stage = op.getStage(), microbatch = op.getMicrobatch();
    if (piece.block.role == Role::Seed)
      piece.microbatch = program.versions.end(microbatch);
    bool isStepped = piece.block.role == Role::Weights   ? isTrainable(piece.block.number)
                     : piece.block.role == Role::Working ? hasCopies(piece.block.number)
                                                         : false;
    if (!isStepped)
      return success();
    int64_t wanted = program.versions.read(stage, microbatch), newest = updates[stage];
    if (wanted == newest)
      return success();
    piece.version = wanted;
    if (pieces.has(piece))
      return success();
    return emitError(op.getLoc())
           << "run of stage " << stage << ", micro-batch " << microbatch << " on device "
           << program.index << " reads version " << wanted << " of the weights, of which "
           << newest << " is the newest, expected one that is kept";
  }

  /// Keeps the newest version if a later run reads it, and makes the next one: of the stage's own
  /// parameters, and of those that it shares with others.
  LogicalResult addUpdateBetween(pipe::RunOp op) {
    int64_t stage = op.getStage(), version = updates[stage]++;
    Operation *last = lastReads[{stage, version}];
    bool isReadAgain = last && op->isBeforeInBlock(last);
    for (int64_t group : stages.groups().ofStage(stage)) {
      if (!isTrainable(group))
        continue;
      if (!llvm::is_contained(program.groups, group))
        return emitError(op.getLoc()) << "device " << program.index << " updates stage " << stage
                                      << ", where no route puts it";
      if (isReadAgain)
        keepVersion(op, group, version);
      Instruction &step = pieces.add(Instruction::Step, op.getLoc(), group);
      step.stage = stage;
      step.microbatch = op.getMicrobatch();
      step.version = version + 1;
    }
    return success();
  }

  void keepVersion(pipe::RunOp op, int64_t group, int64_t version) {
    Instruction keep{Instruction::Stash, op.getLoc()};
    keep.stage = op.getStage();
    keep.group = group;
    keep.version = version;
    const ParameterGroup &parameters = stages.groups().all()[group];
    keep.pieces.push_back(pieces.use({{Role::Weights, group}, 0, 0, version}, parameters.bytes));
    if (hasCopies(group))
      keep.pieces.push_back(
          pieces.use({{Role::Working, group}, 0, 0, version}, parameters.workingBytes));
    program.instructions.push_back(keep);
  }

  /// What another run makes must be here when a run reads it.
  LogicalResult checkExists(pipe::RunOp op, pipe::RunKind kind, RoutineBlock block,
                            const PieceName &piece) {
    bool ofForward = kind == pipe::RunKind::I &&
                     (block.role == Role::Saved || block.role == Role::SavedKept);
    bool isRead = block.role == Role::CarriedIn ||
                  block.role == Role::GradientOut || ofForward;
    if (isRead && !pieces.has(piece))
      return emitError(op.getLoc())
             << "run of stage " << op.getStage() << ", micro-batch "
             << op.getMicrobatch() << " on device "
             << program.index
             << " comes before what it reads is made or received";
    bool isGroup = block.role == Role::Weights || block.role == Role::Working ||
                   block.role == Role::Gradients;
    if (isGroup && !llvm::is_contained(program.groups, piece.block.number))
      return emitError(op.getLoc())
             << "stage " << op.getStage() << " runs on device "
             << program.index << ", where no route puts it";
    return success();
  }

  LogicalResult addSend(pipe::SendOp op) {
    Instruction item{Instruction::Transmit, op.getLoc(), op.getKind(),
                     int64_t(op.getStage()), int64_t(op.getMicrobatch())};
    item.peer = op.getTo();
    if (item.isMove())
      return addMove(item);
    return addMessage(item, /*mustExist=*/true);
  }
  LogicalResult addReceive(pipe::RecvOp op) {
    Instruction item{Instruction::Receive, op.getLoc(), op.getKind(),
                     int64_t(op.getStage()), int64_t(op.getMicrobatch())};
    item.peer = op.getFrom();
    if (item.isMove())
      return addMove(item);
    return addMessage(item, /*mustExist=*/false);
  }

  /// A message for each piece that the forward has saved. What is sent is another piece when
  /// it is here again.
  LogicalResult addMove(Instruction item) {
    auto stage = stages.stage(item.loc, item.stage);
    if (failed(stage))
      return failure();
    bool sends = item.kind == Instruction::Transmit;
    bool onHost = item.isOfHost(program.index);
    auto fail = [&](const Twine &what) {
      return emitError(item.loc) << "what stage " << item.stage << " has saved of micro-batch "
                                 << item.microbatch << " moves on device " << program.index
                                 << ", but " << what;
    };
    if (stage->getRecompute())
      return fail("the stage recomputes it");
    for (auto &[here, bytes] : stages.savedPieces(*stage, item.microbatch)) {
      PieceName name = here;
      name.onHost = onHost;
      if (pieces.has(name) != sends)
        return fail(sends ? "is not there before it is sent" : "is there before it is received");
      item.pieces = {pieces.use(name, bytes)};
      program.instructions.push_back(item);
      if (!sends)
        continue;
      leaving.push_back(item.pieces[0]);
      pieces.forget(name);
    }
    return success();
  }

  LogicalResult addMessage(Instruction item, bool mustExist) {
    auto stage = stages.stage(item.loc, item.stage);
    if (failed(stage))
      return failure();
    bool isForward = item.run == pipe::RunKind::F;
    PieceName piece{{isForward ? Role::CarriedOut : Role::GradientIn},
                    item.stage, item.microbatch};
    int64_t bytes = stages.messageBytes(*stage, isForward);
    if (mustExist && bytes && !pieces.has(piece))
      return emitError(item.loc)
             << "send of stage " << item.stage << ", micro-batch "
             << item.microbatch << " on device " << program.index
             << " comes before the run that makes it";
    item.pieces.push_back(pieces.use(piece, bytes));
    program.pieces[item.pieces[0]].isMessage = true;
    program.instructions.push_back(item);
    return success();
  }

  FailureOr<int64_t> groupOf(Location loc, ArrayRef<int64_t> names) {
    int64_t group = stages.groups().withStages(names);
    if (group < 0 || llvm::is_contained(program.groups, group))
      return group;
    return emitError(loc) << "device " << program.index
                          << " does not hold the parameters of stages ["
                          << names << "]";
  }
  bool isTrainable(int64_t group) const {
    return group >= 0 && stages.groups().all()[group].trainableBytes > 0;
  }

  /// In bf16, of what is stepped.
  bool hasCopies(int64_t group) const {
    return stages.groups().all()[group].workingElements > 0;
  }

  template <typename Op> LogicalResult addForGroup(Instruction::Kind kind, Op op) {
    auto group = groupOf(op.getLoc(), op.getStages());
    if (failed(group) || !isTrainable(*group))
      return success(succeeded(group));
    pieces.add(kind, op.getLoc(), *group);
    return success();
  }
  LogicalResult addReduce(pipe::ReduceOp op) {
    bool leavesSlices = program.sharded.contains(stages.groups().withStages(op.getStages()));
    return addForGroup(leavesSlices ? Instruction::ReduceScatter : Instruction::AllReduce, op);
  }
  LogicalResult addUpdate(pipe::UpdateOp op) {
    addNorm(op.getLoc());
    return addForGroup(Instruction::Step, op);
  }
  /// Last, since each waits for all slices: copies of what other devices have stepped.
  void addRounds() {
    for (int64_t group : program.sharded)
      if (stages.groups().all()[group].workingElements > 0 && !program.gathered.contains(group))
        pieces.add(Instruction::Round, program.loc, group);
  }
  /// Once, before the first update.
  void addNorm(Location loc) {
    if (!hasNorm)
      program.instructions.push_back({Instruction::GradNorm, loc});
    hasNorm = true;
  }

  pipe::PlanOp plan;
  pipe::DeviceOp device;
  const StageTable &stages;
  DeviceProgram program;
  Pieces pieces{program};
  WholePieces wholes{program, stages.groups(), pieces};
  std::map<int64_t, int64_t> updates; // so far, by stage
  std::map<std::pair<int64_t, int64_t>, Operation *> lastReads; // by stage and version
  SmallVector<unsigned> leaving; // while the next run goes on
  bool hasNorm = false;
};

} // namespace

FailureOr<DeviceProgram> lower::collectProgram(pipe::PlanOp plan,
                                                 pipe::DeviceOp device,
                                                 const StageTable &stages,
                                                 const Versions &versions) {
  return Collector(plan, device, stages, versions).run();
}
