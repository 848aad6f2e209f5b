//===- AttachLoss.cpp - The loss sum as the model's only result ------------===//

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Transforms/Autodiff/GradientSums.h"
#include "lib/Transforms/Autodiff/Passes.h"
#include "lib/Transforms/Autodiff/ViewRules.h"

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
// Which output
//===----------------------------------------------------------------------===//

static bool isFloatOfRank(Type type, int64_t atLeast, int64_t atMost) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && isa<FloatType>(tensor.getElementType()) &&
         tensor.getRank() >= atLeast && tensor.getRank() <= atMost;
}
static bool isLogits(Type type) { return isFloatOfRank(type, 2, INT64_MAX); }
static bool isScalar(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return isFloatOfRank(type, 0, INT64_MAX) && tensor.hasStaticShape() &&
         tensor.getNumElements() == 1;
}

static std::string listOutputs(pipe::ModelOp model, func::FuncOp forward) {
  std::string list;
  llvm::raw_string_ostream out(list);
  llvm::interleaveComma(
      llvm::zip(model.getOutputs(), forward.getResultTypes()), out,
      [&](auto output) {
        out << cast<StringAttr>(std::get<0>(output)).getValue() << ": "
            << std::get<1>(output);
      });
  return list;
}

static std::optional<unsigned> findNamed(pipe::ModelOp model, StringRef name) {
  for (auto [i, output] : llvm::enumerate(model.getOutputs()))
    if (cast<StringAttr>(output).getValue() == name)
      return i;
  return std::nullopt;
}

/// The only output of a kind, if there is only one.
static std::optional<unsigned> findOnly(func::FuncOp forward,
                                        bool (*isKind)(Type)) {
  std::optional<unsigned> found;
  for (auto [i, type] : llvm::enumerate(forward.getResultTypes())) {
    if (!isKind(type))
      continue;
    if (found)
      return std::nullopt;
    found = i;
  }
  return found;
}

static std::optional<unsigned> findLogits(pipe::ModelOp model,
                                          func::FuncOp forward) {
  auto named = findNamed(model, "logits");
  if (named && isLogits(forward.getResultTypes()[*named]))
    return named;
  return findOnly(forward, isLogits);
}

//===----------------------------------------------------------------------===//
// Bounds of the inputs
//===----------------------------------------------------------------------===//

/// The smallest table among those whose rows the value selects.
static int64_t findBound(Value ids) {
  int64_t bound = -1;
  auto lower = [&](int64_t rows) {
    if (rows >= 0)
      bound = bound < 0 ? rows : std::min(bound, rows);
  };
  for (OpOperand &use : ids.getUses()) {
    Operation *user = use.getOwner();
    if (isa<pipe::GatherOp>(user) && use.getOperandNumber() == 1)
      lower(cast<ShapedType>(user->getOperand(0).getType()).getDimSize(0));
    else if (rearrangedSource(user) == ids)
      lower(findBound(user->getResult(0)));
  }
  return bound;
}

static SmallVector<int64_t> findBounds(func::FuncOp forward) {
  SmallVector<int64_t> bounds;
  for (BlockArgument argument : forward.getArguments()) {
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    bool isIds = type && type.getElementType().isInteger() &&
                 type.getElementTypeBitWidth() > 1;
    bounds.push_back(isIds ? findBound(argument) : -1);
  }
  return bounds;
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
  forward.setAllResultAttrs(ArrayRef<DictionaryAttr>());
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
  setResult(model, forward, loss.getResult(0), "loss");
  SmallVector<int64_t> bounds = findBounds(forward);
  bounds.back() = type.getShape().back();
  model.setBounds(bounds);
  model.setLoss("labels");
  return success();
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

static void keepOwnLoss(pipe::ModelOp model, func::FuncOp forward,
                        unsigned output) {
  OpBuilder builder(forward.front().getTerminator());
  Value loss = forward.front().getTerminator()->getOperand(output);
  StringRef name = cast<StringAttr>(model.getOutputs()[output]).getValue();
  setResult(model, forward, asScalar(builder, loss), name);
  model.setBounds(findBounds(forward));
  model.setLoss("microbatches");
}

LogicalResult AttachLoss::attach(pipe::ModelOp model, func::FuncOp forward) {
  auto fail = [&](const Twine &what) {
    return emitError(model.getLoc()) << what << ", got outputs "
                                     << listOutputs(model, forward);
  };
  bool isAuto = loss == "auto", onLogits = loss == "cross-entropy";
  if (isAuto || onLogits) {
    if (auto logits = findLogits(model, forward))
      return attachCrossEntropy(model, forward, *logits);
    if (onLogits)
      return fail("cross-entropy expects an output named 'logits' or a single "
                  "floating-point one of two dimensions or more");
    auto scalar = findOnly(forward, isScalar);
    if (!scalar)
      return fail("no loss found, expected an output named 'logits', a single "
                  "floating-point one of two dimensions or more, or a single "
                  "scalar");
    keepOwnLoss(model, forward, *scalar);
    return success();
  }
  auto named = findNamed(model, loss);
  if (!named || !isScalar(forward.getResultTypes()[*named]))
    return fail("expected the loss '" + loss + "' to be a scalar floating-point "
                "output of the model");
  keepOwnLoss(model, forward, *named);
  return success();
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
}
