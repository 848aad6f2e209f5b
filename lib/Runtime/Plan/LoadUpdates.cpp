//===- LoadUpdates.cpp - What a device does with parameters ----------------===//

#include "lib/Runtime/Plan/LoadUpdates.h"

#include "lib/Dialect/Pipe/IR/Pipe.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace bitpipe;

static std::vector<int64_t> list(llvm::ArrayRef<int64_t> values) { return values.vec(); }

static std::optional<int64_t> numberOf(std::optional<uint64_t> number) {
  return number ? std::optional(int64_t(*number)) : std::nullopt;
}

template <typename Op>
static Collective readSlices(Collective::Kind kind, Op op, std::optional<uint64_t> own) {
  return {kind, list(op.getStages()), list(op.getDevices()), int64_t(op.getSlot()),
          int64_t(op.getSlice()), numberOf(own)};
}

static Collective readGather(pipe::AllGatherOp op) {
  Collective gather = readSlices(Collective::AllGather, op, op.getFrom());
  if (op.getBegins() && op.getEnds())
    for (auto [begin, end] : llvm::zip(*op.getBegins(), *op.getEnds()))
      gather.within.push_back({begin, end});
  return gather;
}

static Step readStep(pipe::StepOp op) {
  Range all{0, int64_t(op.getElements())};
  Step step{list(op.getStages()), all.end, all, /*sharded=*/false,
            int64_t(op.getWeights()), int64_t(op.getGradients()), numberOf(op.getMoment1()),
            numberOf(op.getMoment2()), numberOf(op.getWorking()),
            int64_t(op.getWorkingElements().value_or(0)),
            int64_t(op.getMicrobatch().value_or(-1)), int64_t(op.getVersions().value_or(1)),
            all, numberOf(op.getWeightsAt()), numberOf(op.getGradientsAt())};
  if ((step.sharded = bool(op.getBegin())))
    step.stepped = {int64_t(*op.getBegin()), int64_t(*op.getEnd())};
  return step;
}

std::optional<Instruction> bitpipe::readUpdate(mlir::Operation &op) {
  return llvm::TypeSwitch<mlir::Operation *, std::optional<Instruction>>(&op)
      .Case([](pipe::AllReduceOp op) {
        return Collective{Collective::AllReduce, list(op.getStages()), list(op.getDevices()),
                          int64_t(op.getSlot()), 0, {}};
      })
      .Case([](pipe::ReduceScatterOp op) {
        return readSlices(Collective::ReduceScatter, op, op.getInto());
      })
      .Case([](pipe::AllGatherOp op) { return readGather(op); })
      .Case([](pipe::ClearOp op) { return Clear{list(op.getStages()), int64_t(op.getSlot())}; })
      .Case([](pipe::StepOp op) { return readStep(op); })
      .Case([](pipe::RoundOp op) {
        return Round{list(op.getStages()), int64_t(op.getElements()), int64_t(op.getWeights()),
                     int64_t(op.getWorking())};
      })
      .Case([](pipe::StashOp op) {
        return Stash{list(op.getStages()), int64_t(op.getVersion()), int64_t(op.getWeights()),
                     int64_t(op.getKept()), numberOf(op.getWorking()), numberOf(op.getWorkingKept())};
      })
      .Default([](mlir::Operation *) { return std::nullopt; });
}
