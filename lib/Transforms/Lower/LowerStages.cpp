//===- LowerStages.cpp - Stage functions become routines and kernels -------===//

#include "lib/Transforms/Lower/Alignment.h"
#include "lib/Transforms/Lower/Passes.h"
#include "lib/Transforms/Lower/StageLowering.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/ADT/StringSet.h"

#include <set>

namespace bitpipe {
#define GEN_PASS_DEF_LOWERSTAGES
#include "lib/Transforms/Lower/Passes.h.inc"
} // namespace bitpipe

using namespace mlir;
using namespace bitpipe;
using namespace bitpipe::lower;

namespace {

/// Two stages with one key have the same routines.
using StageKey =
    std::tuple<const void *, const void *, const void *, const void *, bool,
               SmallVector<std::pair<int64_t, int64_t>>, std::vector<int64_t>>;

class LowerStages : public bitpipe::impl::LowerStagesBase<LowerStages> {
public:
  using LowerStagesBase::LowerStagesBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto stages = llvm::to_vector(module.getOps<pipe::StageOp>());
    if (stages.empty()) {
      emitError(module.getLoc()) << "module has no pipe.stage, expected some";
      return signalPassFailure();
    }
    auto groups = ParameterGroups::find(module);
    if (failed(groups) || failed(findFull(stages, *groups)) || failed(lower(stages, *groups)))
      return signalPassFailure();
    for (auto function : llvm::make_early_inc_range(module.getOps<func::FuncOp>()))
      function.erase();
  }

private:
  /// What stages read in f32 of their own parameters, where these are gathered and have copies in
  /// bf16: the rest is gathered as copies alone.
  LogicalResult findFull(ArrayRef<pipe::StageOp> stages, ParameterGroups &groups) {
    std::set<int64_t> gathered;
    getOperation().walk([&](pipe::RunOp run) {
      if (run.getKind() == pipe::RunKind::A)
        gathered.insert(run.getStage());
    });
    SymbolTable symbols(getOperation());
    for (pipe::StageOp stage : stages) {
      int64_t own = groups.withStages({int64_t(stage.getIndex())});
      if (!gathered.contains(stage.getIndex()) || own < 0 || !groups.all()[own].workingBytes)
        continue;
      auto functions = StageFunctions::find(stage, symbols);
      if (failed(functions))
        return failure();
      auto [begin, end] = readInFull(stage, *functions, groups, own);
      groups.setFull(stage, begin, end);
    }
    return success();
  }

  /// The bytes of the stage's own parameters from the first to the last that a function reads.
  static std::pair<int64_t, int64_t> readInFull(pipe::StageOp stage, const StageFunctions &functions,
                                                const ParameterGroups &groups, int64_t own) {
    std::optional<std::pair<int64_t, int64_t>> range;
    size_t working = stage.workingNames().size();
    using Reader = std::pair<func::FuncOp, size_t>; // and its arguments behind the parameters
    for (auto [function, behind] : {Reader{functions.forward, working}, Reader{functions.recompute, working},
                                    Reader{functions.inputGradient, stage.jointNumbers().size() + working}}) {
      if (!function)
        continue;
      size_t first = function.getNumArguments() - behind - stage.getParameters().size();
      for (auto [i, ref] : llvm::enumerate(stage.getParameters().getAsRange<FlatSymbolRefAttr>())) {
        auto [group, offset] = groups.locate(ref.getValue());
        if (group != own || function.getArgument(first + i).use_empty())
          continue;
        pipe::ParameterOp parameter = groups.member(ref.getValue()).parameter;
        int64_t end = offset + aligned(tensorBytes(cast<RankedTensorType>(parameter.getType())));
        range = range ? std::pair(std::min(range->first, offset), std::max(range->second, end))
                      : std::pair(offset, end);
      }
    }
    return range.value_or(std::pair<int64_t, int64_t>(0, 0));
  }

  LogicalResult lower(ArrayRef<pipe::StageOp> stages,
                      const ParameterGroups &groups) {
    SymbolTable symbols(getOperation());
    KernelLibrary kernels(getOperation());
    OpBuilder builder(getOperation().getBodyRegion());
    builder.setInsertionPointAfter(stages.back());
    int64_t last = 0;
    for (pipe::StageOp stage : stages)
      last = std::max<int64_t>(last, stage.getIndex());
    auto nameFor = [&](StringRef function) {
      return freshName(function, symbols);
    };

    std::map<StageKey, StageRoutines> known;
    for (pipe::StageOp stage : stages) {
      auto functions = StageFunctions::find(stage, symbols);
      if (failed(functions))
        return failure();
      bool isLast = int64_t(stage.getIndex()) == last;
      if (isLast && stage.getCarriedOut().size() != 1)
        return emitError(stage.getLoc())
               << "last stage carries out " << stage.getCarriedOut().size()
               << " values, expected 1, the loss sum";
      StageKey key = keyOf(stage, isLast, *functions, groups);
      auto [entry, isNew] = known.try_emplace(key);
      if (isNew) {
        auto routines = lowerStage(stage, isLast, *functions, groups, kernels,
                                   nameFor, builder, target == "cuda");
        if (failed(routines))
          return failure();
        entry->second = *routines;
      }
      stage.setForwardAttr(entry->second.forward);
      stage.setRecomputeAttr(entry->second.recompute);
      stage.setInputGradientAttr(entry->second.inputGradient);
      stage.setWeightGradientAttr(entry->second.weightGradient);
    }
    return success();
  }

  static StageKey keyOf(pipe::StageOp stage, bool isLast,
                        StageFunctions functions,
                        const ParameterGroups &groups) {
    std::vector<int64_t> groupBytes;
    for (int64_t number : groups.ofStage(stage.getIndex())) {
      groupBytes.push_back(groups.all()[number].bytes);
      groupBytes.push_back(groups.all()[number].trainableBytes);
      groupBytes.push_back(groups.all()[number].workingBytes);
      groupBytes.push_back(groups.all()[number].fullBegin());
      groupBytes.push_back(groups.all()[number].fullBytes());
    }
    for (auto [block, offset] : workingLayout(stage, groups))
      groupBytes.insert(groupBytes.end(), {block, offset});
    return {functions.forward.getAsOpaquePointer(),
            functions.recompute.getAsOpaquePointer(),
            functions.inputGradient.getAsOpaquePointer(),
            functions.weightGradient.getAsOpaquePointer(),
            isLast,
            parameterLayout(stage, groups),
            groupBytes};
  }

  /// The function's own name, for it will be gone, or a numbered one.
  std::string freshName(StringRef function, SymbolTable &symbols) {
    if (names.insert(function).second)
      return function.str();
    for (unsigned number = 1;; ++number) {
      std::string name = (function + "_" + Twine(number)).str();
      if (!symbols.lookup(name) && names.insert(name).second)
        return name;
    }
  }

  llvm::StringSet<> names;
};

} // namespace
