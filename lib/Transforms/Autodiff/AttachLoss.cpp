//===- AttachLoss.cpp - The loss sum as the model's only result ------------===//

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Transforms/Autodiff/ChooseLoss.h"
#include "lib/Transforms/Autodiff/GradientSums.h"
#include "lib/Transforms/Autodiff/IndexRanges.h"
#include "lib/Transforms/Autodiff/LossCount.h"
#include "lib/Transforms/Autodiff/LossQuotient.h"
#include "lib/Transforms/Autodiff/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/RegionUtils.h"

#include <optional>

namespace bitpipe {
#define GEN_PASS_DEF_PIPEATTACHLOSS
#include "lib/Transforms/Autodiff/Passes.h.inc"
} // namespace bitpipe

using namespace mlir;
using namespace bitpipe;

static constexpr int64_t ignoreIndex = -100;
static constexpr StringLiteral labelsName = "labels";

namespace {

struct AttachLoss : bitpipe::impl::PipeAttachLossBase<AttachLoss> {
  using PipeAttachLossBase::PipeAttachLossBase;
  void runOnOperation() override;

private:
  LogicalResult attach(pipe::ModelOp model, func::FuncOp forward);
};

} // namespace

//===----------------------------------------------------------------------===//
// Bounds of the inputs
//===----------------------------------------------------------------------===//

/// Records which values of every input are valid; the last one's are labels if
/// there are `classes`. Refuses what can be seen to lie outside of a table.
static LogicalResult setBounds(pipe::ModelOp model, func::FuncOp forward,
                               std::optional<int64_t> classes) {
  SmallVector<std::optional<IndexBounds>> known;
  for (BlockArgument argument : forward.getArguments())
    known.push_back(isa<IntegerType>(getElementTypeOrSelf(argument.getType()))
                        ? findIndexBounds(argument)
                        : std::nullopt);
  SmallVector<std::optional<IndexBounds>> inputs = known;
  if (classes)
    known.back() = IndexBounds{0, *classes};
  SmallVector<int64_t> bounds, lowest;
  for (auto [input, found] : llvm::zip(model.getInputs(), known)) {
    if (found && found->low >= found->high)
      return emitError(model.getLoc())
             << "no value of input '" << cast<StringAttr>(input).getValue()
             << "' selects a row of every table that it reaches, expected one "
                "from " << found->low << " to " << found->high - 1;
    // The upper bound -1 says that there is none; kernels check the rest.
    bool has = found && found->high >= 0;
    bounds.push_back(has ? found->high : -1);
    lowest.push_back(has ? found->low : 0);
  }
  model.setBounds(bounds);
  if (llvm::any_of(lowest, [](int64_t low) { return low != 0; }))
    model.setLowest(lowest);
  return checkIndexRanges(forward, inputs);
}

/// The runtime cuts every input into micro-batches along its first dimension.
static LogicalResult checkBatched(pipe::ModelOp model, func::FuncOp forward) {
  // The input that says how many samples there are has most dimensions, for a
  // vector may be one of positions.
  StringRef batched;
  int64_t samples = 0, rank = 0;
  auto inputs = llvm::zip(model.getInputs().getAsValueRange<StringAttr>(),
                          forward.getArguments());
  for (auto [name, argument] : inputs)
    if (auto type = dyn_cast<RankedTensorType>(argument.getType());
        type && type.getRank() > 0 &&
        std::pair(type.getRank(), type.getDimSize(0)) > std::pair(rank, samples)) {
      samples = type.getDimSize(0);
      rank = type.getRank();
      batched = name;
    }
  for (auto [name, argument] : inputs) {
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    bool fits = type && type.getRank() > 0 && type.getDimSize(0) == samples;
    if (fits || argument.use_empty())
      continue;
    auto error = emitError(model.getLoc());
    error << "input '" << name << "' is " << argument.getType() << ", expected ";
    if (samples)
      error << samples << " samples along its first dimension as in '" << batched << "'";
    else
      error << "samples along a first dimension";
    return error << ": export the model with one per sample, or with a constant in "
              "its place";
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Attaching
//===----------------------------------------------------------------------===//

static void setResult(pipe::ModelOp model, func::FuncOp forward, Value loss,
                      StringRef name) {
  forward.front().getTerminator()->setOperands(loss);
  forward.setType(FunctionType::get(forward.getContext(),
                                    forward.front().getArgumentTypes(),
                                    loss.getType()));
  forward.removeResAttrsAttr();
  model.setOutputsAttr(Builder(model.getContext()).getStrArrayAttr({name}));
}

static LogicalResult attachCrossEntropy(pipe::ModelOp model,
                                        func::FuncOp forward, unsigned output) {
  for (Attribute input : model.getInputs())
    if (cast<StringAttr>(input).getValue() == labelsName)
      return emitError(model.getLoc())
             << "the model has an input named '" << labelsName
             << "', expected that name to be free for the loss on the logits; "
                "name the model's own loss output instead";
  Value logits = forward.front().getTerminator()->getOperand(output);
  Location loc = logits.getLoc();
  auto type = cast<RankedTensorType>(logits.getType());
  OpBuilder builder(forward.front().getTerminator());
  ArrayRef<int64_t> rows = type.getShape().drop_back();
  Value labels = forward.front().addArgument(
      RankedTensorType::get(rows, builder.getI64Type()), loc);
  auto scalarType = RankedTensorType::get({}, type.getElementType());
  Value sum = emptyTensor(builder, loc, scalarType);
  Value rowLse = emptyTensor(builder, loc, type.clone(rows));
  auto loss = pipe::CrossEntropyOp::create(
      builder, loc, TypeRange{scalarType, rowLse.getType()},
      ValueRange{logits, labels}, ValueRange{sum, rowLse},
      builder.getI64IntegerAttr(ignoreIndex));

  SmallVector<Attribute> inputs(model.getInputs().getValue());
  inputs.push_back(builder.getStringAttr(labelsName));
  model.setInputsAttr(builder.getArrayAttr(inputs));
  StringRef name = cast<StringAttr>(model.getOutputs()[output]).getValue();
  emitRemark(model.getLoc())
      << "the loss is the cross-entropy of output '" << name
      << "' with the input '" << labelsName
      << "' that is added; labels must be shifted already";
  setResult(model, forward, loss.getResult(0), "loss");
  model.setLoss("labels");
  return setBounds(model, forward, type.getShape().back());
}

/// A loss of one element is a scalar whatever its shape.
static Value asScalar(OpBuilder &builder, Value loss) {
  auto type = cast<RankedTensorType>(loss.getType());
  if (type.getRank() == 0)
    return loss;
  return tensor::CollapseShapeOp::create(
      builder, loss.getLoc(), RankedTensorType::get({}, type.getElementType()),
      loss, ArrayRef<ReassociationIndices>());
}

/// The sum and the count of every micro-batch are the loss, and divided when
/// all are added up.
static LogicalResult keepQuotient(pipe::ModelOp model, func::FuncOp forward,
                                  Quotient quotient, StringRef name) {
  if (!addsUp(quotient.count))
    return emitError(model.getLoc())
           << "the count of the loss '" << name << "' is not known to add up over "
              "micro-batches, expected a sum over labels or samples, or constant multiples "
              "of such sums";
  if (dependsOnTrained(forward, quotient.count))
    return emitError(model.getLoc())
           << "the count of the loss '" << name << "' depends on parameters that "
              "are trained, expected one that is computed from the inputs";
  OpBuilder builder(forward.front().getTerminator());
  emitRemark(model.getLoc())
      << "the loss is '" << name << "', its sum over all micro-batches divided "
         "by its count over all micro-batches";
  quotient.count = withoutFloor(builder, quotient.count);
  setResult(model, forward, packQuotient(builder, quotient), name);
  model.setLoss("counts");
  return setBounds(model, forward, std::nullopt);
}

static LogicalResult keepOwnLoss(pipe::ModelOp model, func::FuncOp forward,
                                 unsigned output) {
  OpBuilder builder(forward.front().getTerminator());
  Value loss = forward.front().getTerminator()->getOperand(output);
  StringRef name = cast<StringAttr>(model.getOutputs()[output]).getValue();
  auto quotient = splitQuotient(builder, forward, loss);
  if (quotient && addsUp(quotient->count))
    return keepQuotient(model, forward, *quotient, name);
  emitRemark(model.getLoc()) << "the loss is output '" << name
                             << "', its mean over the micro-batches"
                             << (quotient ? ", each divided by itself: what by is no sum over "
                                            "labels or samples"
                                          : "");
  setResult(model, forward, asScalar(builder, loss), name);
  model.setLoss("microbatches");
  return setBounds(model, forward, std::nullopt);
}

LogicalResult AttachLoss::attach(pipe::ModelOp model, func::FuncOp forward) {
  auto choice = chooseLoss(model, forward, loss);
  if (failed(choice))
    return failure();
  if (choice->kind == LossChoice::CrossEntropy)
    return attachCrossEntropy(model, forward, choice->output);
  if (choice->kind == LossChoice::Own)
    return keepOwnLoss(model, forward, choice->output);
  Operation *terminator = forward.front().getTerminator();
  return keepQuotient(model, forward,
                      {terminator->getOperand(choice->output),
                       terminator->getOperand(choice->count)},
                      loss);
}

void AttachLoss::runOnOperation() {
  ModuleOp module = getOperation();
  auto models = llvm::to_vector(module.getOps<pipe::ModelOp>());
  auto fail = [&](Location loc, const Twine &what) {
    emitError(loc) << what;
    signalPassFailure();
  };
  if (models.size() != 1)
    return fail(module.getLoc(), "module has " + Twine(models.size()) +
                                     " pipe.model operations, expected one");
  pipe::ModelOp model = models.front();
  auto forward = module.lookupSymbol<func::FuncOp>(model.getForward());
  if (!forward || !llvm::hasSingleElement(forward.getBody()))
    return fail(model.getLoc(), "forward function '" + model.getForward() +
                                    "' is not a function of one block");
  if (model.getLoss())
    return fail(model.getLoc(), "model has the loss '" + *model.getLoss() +
                                    "', expected none yet");
  if (forward.getNumResults() != model.getOutputs().size() ||
      forward.getNumArguments() != model.getInputs().size())
    return fail(model.getLoc(), "model names " + Twine(model.getInputs().size()) +
                                    " inputs and " + Twine(model.getOutputs().size()) +
                                    " outputs, but its function has " +
                                    Twine(forward.getNumArguments()) + " and " +
                                    Twine(forward.getNumResults()));
  model.setIgnoreIndex(ignoreIndex);
  if (failed(attach(model, forward)))
    return signalPassFailure();
  IRRewriter rewriter(&getContext());
  (void)runRegionDCE(rewriter, forward->getRegions());
  if (failed(checkBatched(model, forward)))
    return signalPassFailure();
}
