//===- LowerTraining.cpp - What the runtime must know of the model ---------===//

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Runtime/ABI.h"
#include "lib/Runtime/AttentionWorkspace.h"
#include "lib/Transforms/Lower/Passes.h"
#include "lib/Transforms/Lower/Versions.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/StringMap.h"

namespace bitpipe {
#define GEN_PASS_DEF_LOWERTRAINING
#include "lib/Transforms/Lower/Passes.h.inc"
} // namespace bitpipe

using namespace mlir;
using namespace bitpipe;

namespace {

/// The one operation of a kind; a message if there is none or another.
template <typename Op> FailureOr<Op> findOne(ModuleOp module) {
  auto ops = llvm::to_vector(module.getOps<Op>());
  if (ops.size() == 1)
    return ops.front();
  return emitError(ops.empty() ? module.getLoc() : ops.back().getLoc())
         << "module has " << ops.size() << " " << Op::getOperationName()
         << ", expected 1";
}

/// The types of the model inputs, from the stages that use them.
LogicalResult findTypes(ModuleOp module, llvm::StringMap<Type> &types) {
  SymbolTable symbols(module);
  for (auto stage : module.getOps<pipe::StageOp>()) {
    auto forward = symbols.lookup<func::FuncOp>(stage.getForward());
    size_t carried = stage.getCarriedIn().size();
    auto names = stage.getInputs().getAsValueRange<StringAttr>();
    size_t inputs = stage.getInputs().size();
    if (!forward || forward.getNumArguments() < carried + inputs)
      return emitError(stage.getLoc())
             << "stage " << stage.getIndex() << " has no forward function '"
             << stage.getForward() << "' with at least " << carried + inputs
             << " arguments";
    for (auto [name, type] :
         llvm::zip(names, forward.getArgumentTypes().drop_front(carried))) {
      Type &known = types[name];
      if (known && known != type)
        return emitError(stage.getLoc())
               << "input '" << name << "' is " << type << " in stage "
               << stage.getIndex() << ", expected " << known;
      known = type;
    }
  }
  return success();
}

class LowerTraining : public bitpipe::impl::LowerTrainingBase<LowerTraining> {
public:
  using LowerTrainingBase::LowerTrainingBase;

  void runOnOperation() override {
    auto model = findOne<pipe::ModelOp>(getOperation());
    auto plan = findOne<pipe::PlanOp>(getOperation());
    llvm::StringMap<Type> types;
    if (failed(model) || failed(plan) || failed(checkOptions()) ||
        failed(checkModel(*model)) || failed(checkHeads()) ||
        failed(findTypes(getOperation(), types)))
      return signalPassFailure();
    lower::Versions versions = lower::Versions::find(*plan);
    if (versions && failed(checkUpdates(*model, *plan)))
      return signalPassFailure();
    create(*model, *plan, types, versions);
    model->erase();
  }

private:
  LogicalResult checkOptions() {
    if (optimizer != "adamw" && optimizer != "sgd" && optimizer != "none")
      return emitError(getOperation().getLoc())
             << "optimizer is '" << optimizer << "', expected adamw, sgd or none";
    if (target != "cpu" && target != "cuda")
      return emitError(getOperation().getLoc())
             << "target is '" << target << "', expected cpu or cuda";
    return success();
  }

  LogicalResult checkModel(pipe::ModelOp model) {
    if (!model.getLoss() || !model.getBounds())
      return emitError(model.getLoc())
             << "model has no loss, expected it to be attached";
    if (model.getBounds()->size() != model.getInputs().size())
      return emitError(model.getLoc())
             << "model has " << model.getBounds()->size() << " bounds, expected "
             << model.getInputs().size() << ", one per input";
    if (model.getLowest() && model.getLowest()->size() != model.getInputs().size())
      return emitError(model.getLoc())
             << "model has " << model.getLowest()->size()
             << " smallest values, expected " << model.getInputs().size()
             << ", one per input";
    return success();
  }

  /// Attentions that no GPU computes in one piece are refused now, not when training begins.
  LogicalResult checkHeads() {
    if (target != "cuda")
      return success();
    WalkResult result = getOperation().walk([](pipe::AttentionOp op) -> WalkResult {
      pipe::AttentionSizes n = op.getSizes();
      int64_t largest = std::max(n.size, n.valueSize);
      if (largest <= attention::mostSizeOnGPU)
        return WalkResult::advance();
      return emitError(op.getLoc())
             << "attention has heads of size " << largest << ", expected at most "
             << attention::mostSizeOnGPU
             << " on a GPU; --attention=decomposed computes it in several operations";
    });
    return failure(result.wasInterrupted());
  }

  /// What there is not yet for updates between micro-batches.
  LogicalResult checkUpdates(pipe::ModelOp model, pipe::PlanOp plan) {
    if (model.getLoss() == "counts")
      return emitError(plan.getLoc())
             << "schedule '" << plan.getSchedule() << "' updates between micro-batches, expected a "
             << "loss that is divided by what is known beforehand: this one's count is known "
             << "to the last stage alone";
    return success();
  }

  void create(pipe::ModelOp model, pipe::PlanOp plan,
              const llvm::StringMap<Type> &types, const lower::Versions &versions) {
    OpBuilder builder(model);
    SmallVector<Attribute> inputs, inputTypes;
    SmallVector<int64_t> bounds, lowest;
    for (auto [i, name] :
         llvm::enumerate(model.getInputs().getAsRange<StringAttr>())) {
      Type type = types.lookup(name.getValue());
      if (!type)
        continue; // nothing reads it
      inputs.push_back(name);
      inputTypes.push_back(TypeAttr::get(type));
      bounds.push_back((*model.getBounds())[i]);
      if (model.getLowest())
        lowest.push_back((*model.getLowest())[i]);
    }
    bool fromLabels = model.getLoss() == "labels";
    StringAttr none = builder.getStringAttr("");
    pipe::TrainingOp::create(
        builder, model.getLoc(),
        builder.getI64IntegerAttr(abi::contractVersion),
        builder.getStringAttr(target), builder.getArrayAttr(inputs),
        builder.getArrayAttr(inputTypes), builder.getDenseI64ArrayAttr(bounds),
        lowest.empty() ? DenseI64ArrayAttr() : builder.getDenseI64ArrayAttr(lowest),
        model.getLossAttr(),
        fromLabels ? cast<StringAttr>(model.getInputs().getValue().back())
                   : StringAttr(),
        builder.getI64IntegerAttr(model.getIgnoreIndex().value_or(-100)),
        builder.getStringAttr(optimizer), plan.getDevicesAttr(),
        plan.getMicrobatchesAttr(), none, none, none, none,
        model.getPrecisionAttr() ? model.getPrecisionAttr() : builder.getStringAttr("f32"),
        /*arch=*/StringAttr(),
        versions ? builder.getI64IntegerAttr(versions.every) : IntegerAttr(), nodesOf(plan));
  }

  IntegerAttr nodesOf(pipe::PlanOp plan) {
    if (target == "cpu" || !plan.getDevicesPerNode())
      return plan.getDevicesPerNodeAttr();
    emitRemark(plan.getLoc()) << "nodes of " << *plan.getDevicesPerNode()
                                << " devices are left out: NCCL chooses how sums go over nodes";
    return {};
  }
};

} // namespace
