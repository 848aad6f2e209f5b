//===- ForwardGraph.cpp - What a cut may do with each operation ------------===//
//
// Each property follows from those of an operation's operands, so one walk in
// program order finds it.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Partition/ForwardGraph.h"
#include "lib/Dialect/Pipe/IR/Pipe.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace bitpipe;

/// A stage may spend this share of its mean cost on a value computed again.
static constexpr double cheapShare = 0.05;

SmallVector<Value> bitpipe::usedValues(Operation *op) {
  SetVector<Value> used(op->operand_begin(), op->operand_end());
  getUsedValuesDefinedAbove(op->getRegions(), used);
  return used.takeVector();
}

/// A generic that only repeats or permutes its input.
static bool yieldsItsInput(linalg::GenericOp op) {
  if (op.getNumDpsInputs() != 1 || op.getNumDpsInits() != 1 ||
      op.getNumReductionLoops() != 0)
    return false;
  Block *body = op.getBody();
  return body->getTerminator() == &body->front() &&
         body->getTerminator()->getOperand(0) == body->getArgument(0);
}

/// The value whose bytes `op` shows in another form.
static Value viewedValue(Operation *op) {
  if (isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp,
          tensor::ExtractSliceOp>(op))
    return op->getNumOperands() == 1 ? op->getOperand(0) : Value();
  auto generic = dyn_cast<linalg::GenericOp>(op);
  if (!isa<linalg::TransposeOp>(op) && !(generic && yieldsItsInput(generic)))
    return Value();
  bool fresh = isa_and_nonnull<tensor::EmptyOp>(op->getOperand(1).getDefiningOp());
  return fresh ? op->getOperand(0) : Value();
}

static bool hasStaticTypes(Operation *op) {
  return llvm::all_of(op->getResultTypes(), [](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return tensor ? tensor.hasStaticShape() : type.isIntOrIndexOrFloat();
  });
}

/// Operations from the loss backwards, then in program order.
LogicalResult ForwardGraph::collect(func::FuncOp forward) {
  Block &body = forward.getBody().front();
  lossValue = body.getTerminator()->getOperand(0);
  DenseSet<Operation *> needed;
  SmallVector<Value> open{lossValue};
  while (!open.empty()) {
    Operation *op = open.pop_back_val().getDefiningOp();
    if (op && needed.insert(op).second)
      llvm::append_range(open, usedValues(op));
  }
  for (Operation &op : body.without_terminator()) {
    if (!needed.contains(&op))
      continue;
    if (isa<pipe::OnnxNodeOp>(op) || !hasStaticTypes(&op))
      return emitError(op.getLoc())
             << op.getName() << " cannot be cut into stages, expected a "
             << "legalised operation on static tensors";
    positions[&op] = live.size();
    live.push_back(&op);
    if (Value value = viewedValue(&op))
      views[&op] = value;
  }
  return success();
}

void ForwardGraph::findGradients() {
  SymbolTableCollection symbols;
  for (Operation *op : live) {
    GradientOf of = GradientOf::Nothing;
    if (auto get = dyn_cast<pipe::GetParameterOp>(op)) {
      auto parameter = symbols.lookupNearestSymbolFrom<pipe::ParameterOp>(
          op, get.getParameterAttr());
      if (parameter.getTrainable())
        of = GradientOf::Parameter;
    } else if (isa<pipe::DetachOp>(op)) {
      of = GradientOf::Nothing;
    } else if (Value value = viewed(op)) {
      of = gradientOf(value);
    } else if (llvm::any_of(usedValues(op), [&](Value value) {
                 return gradientOf(value) != GradientOf::Nothing;
               })) {
      of = GradientOf::Activation;
    }
    for (Value result : op->getResults())
      if (isa<FloatType>(getElementTypeOrSelf(result.getType())))
        gradients[result] = of;
  }
}

/// Whether `op` computes nothing, so that every stage may have its own.
bool ForwardGraph::isFree(Operation *op) const {
  return viewed(op) ||
         isa<pipe::GetParameterOp, pipe::DropoutKeyOp, pipe::DetachOp, tensor::EmptyOp,
             linalg::FillOp>(op) ||
         matchPattern(op, m_Constant());
}

void ForwardGraph::findCosts(const CostModel &model) {
  auto needs = [&](Value value) { return gradientOf(value); };
  for (Operation *op : live)
    costs[op] = isFree(op) ? Cost() : model.cost(op, needs);
}

/// The one operand, smaller than the result, of an elementwise operation whose other
/// operands are computed again: a small bias plus a mask, say.
static Value enlargedValue(Operation *op, const DenseMap<Operation *, double> &again,
                           llvm::function_ref<bool(Value)> isTrained) {
  auto generic = dyn_cast<linalg::GenericOp>(op);
  if (!generic || generic.getNumReductionLoops() != 0 || generic->getNumResults() != 1)
    return {};
  Value root;
  for (Value value : usedValues(op)) {
    Operation *producer = value.getDefiningOp();
    bool isAgain = !producer || again.contains(producer);
    if (isAgain && isTrained(value))
      return {};
    if (isAgain)
      continue;
    if (root)
      return {};
    root = value;
  }
  auto elements = [](Value value) {
    return cast<RankedTensorType>(value.getType()).getNumElements();
  };
  return root && elements(root) < elements(generic.getResult(0)) ? root : Value();
}

/// Computes again what no parameter trains and what costs little together with
/// all it needs; from what is carried also what is larger and cheap. Reading a
/// parameter counts by its size, so that a large frozen table stays in one stage.
void ForwardGraph::findNodes(unsigned stages) {
  double total = 0;
  for (Operation *op : live)
    total += costs[op].total();
  double limit = cheapShare * total / stages;

  DenseMap<Operation *, double> again; // With all it needs, at most.
  double all = 0;
  for (Operation *op : live) {
    double own = costs[op].forward;
    if (auto get = dyn_cast<pipe::GetParameterOp>(op))
      if (gradientOf(get) == GradientOf::Nothing)
        own = get.getType().getNumElements();
    double cost = own;
    bool movable = true, trained = false;
    for (Value value : usedValues(op)) {
      Operation *producer = value.getDefiningOp();
      movable &= !producer || again.contains(producer);
      trained |= gradientOf(value) != GradientOf::Nothing;
      cost += again.lookup(producer);
    }
    cost = std::min(cost, all + own);
    if (movable && (isFree(op) || (!trained && cost <= limit))) {
      again[op] = cost;
      all += own;
      continue;
    }
    if (viewed(op)) // Of a node: rebuilt where it is used.
      continue;
    auto isTrained = [&](Value value) { return gradientOf(value) != GradientOf::Nothing; };
    if (Value root = enlargedValue(op, again, isTrained); root && costs[op].total() <= limit) {
      views[op] = root;
      continue;
    }
    nodeIndices[op] = nodeList.size();
    nodeList.push_back(op);
  }
}

std::optional<unsigned> ForwardGraph::nodeIndex(Operation *op) const {
  auto found = nodeIndices.find(op);
  if (found == nodeIndices.end())
    return std::nullopt;
  return found->second;
}

GradientOf ForwardGraph::gradientOf(Value value) const {
  auto found = gradients.find(value);
  return found == gradients.end() ? GradientOf::Nothing : found->second;
}

FailureOr<ForwardGraph> ForwardGraph::analyse(func::FuncOp forward,
                                              const CostModel &model,
                                              unsigned stages) {
  ForwardGraph graph;
  if (failed(graph.collect(forward)))
    return failure();
  graph.findGradients();
  graph.findCosts(model);
  graph.findNodes(stages);
  return graph;
}

func::FuncOp bitpipe::findForward(ModuleOp module, pipe::ModelOp model) {
  auto forward = module.lookupSymbol<func::FuncOp>(model.getForward());
  if (!forward || !forward.getBody().hasOneBlock()) {
    emitError(model.getLoc()) << "the model's function '" << model.getForward()
                              << "' is missing or not one block";
    return nullptr;
  }
  if (forward.getNumArguments() != model.getInputs().size()) {
    emitError(forward.getLoc())
        << "'" << forward.getName() << "' has " << forward.getNumArguments()
        << " arguments, expected " << model.getInputs().size()
        << ", one per model input";
    return nullptr;
  }
  TypeRange results = forward.getResultTypes();
  auto loss = results.size() == 1 ? dyn_cast<RankedTensorType>(results[0])
                                  : RankedTensorType();
  bool hasCount = model.getLoss() == "counts";
  SmallVector<int64_t, 1> shape(hasCount, 2); // the sum and its count
  if (loss && loss.getShape() == ArrayRef(shape) && isa<FloatType>(loss.getElementType()))
    return forward;
  emitError(forward.getLoc()) << "'" << forward.getName() << "' returns "
                              << results << ", expected the scalar loss alone";
  return nullptr;
}
