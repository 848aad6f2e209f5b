//===- Rules.cpp - What operations ask of types and make -------------------===//

#include "lib/Transforms/Precision/Rules.h"

#include "lib/Dialect/Pipe/IR/Pipe.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace bitpipe;
using NatureOf = llvm::function_ref<Nature(Value)>;

Nature bitpipe::combined(Nature a, Nature b) {
  if (a < b)
    std::swap(a, b);
  // A statistic makes bf16 beside it f32, as an f32 does in PyTorch.
  return a == Nature::Statistic && (b == Nature::Brain || b == Nature::Full) ? Nature::Full : a;
}

bool bitpipe::isFloatTensor(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.getElementType().isF32();
}

bool bitpipe::isViewOf(Operation *op) {
  return isa_and_nonnull<tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::ExtractSliceOp,
                         linalg::TransposeOp>(op);
}

bool bitpipe::isMadeAnew(Operation *op) {
  return isa_and_nonnull<arith::ConstantOp, linalg::FillOp, tensor::EmptyOp>(op);
}

//===----------------------------------------------------------------------===//
// Compute operations
//===----------------------------------------------------------------------===//

namespace {

/// What a compute operation makes: as its operand of that number is, or this.
struct Made {
  int follows; // -1: none
  Nature nature = Nature::Fixed;
  StoredAs stored = StoredAs::Read;
};

struct ComputeRule {
  SmallVector<Demand> inputs; // one that is no f32 tensor is not asked for
  SmallVector<Demand> destinations;
  SmallVector<Made> results;
};

constexpr auto any = Demand::Any, brain = Demand::Brain, full = Demand::Full, result = Demand::Result,
               none = Demand::None;
constexpr Made statistic{-1, Nature::Statistic, StoredAs::Full}, normalised{-1, Nature::Full},
    attended{-1, Nature::Brain, StoredAs::Brain};

/// Products are not among them: they are contractions.
const llvm::StringMap<ComputeRule> &computeRules() {
  static const llvm::StringMap<ComputeRule> rules = {
      {"pipe.softmax", {{any}, {none}, {{0}}}},
      {"pipe.softmax_grad", {{any, any}, {none}, {{0}}}},
      {"pipe.layer_norm", {{any, full, full}, {none, none, none}, {normalised, statistic, statistic}}},
      {"pipe.layer_norm_grad_input", {{any, any, full, full, full}, {none}, {normalised}}},
      {"pipe.layer_norm_grad_params", {{any, any, full, full}, {result, result}, {statistic, statistic}}},
      {"pipe.gather", {{any, none}, {none}, {{0}}}},
      {"pipe.gather_grad", {{any, none}, {result}, {statistic}}},
      {"pipe.dropout", {{any, none}, {none}, {{0}}}},
      {"pipe.attention", {{brain, brain, brain, full, none}, {none, none}, {attended, statistic}}},
      {"pipe.attention_grad",
       {{brain, brain, brain, brain, brain, full, full, none},
        {none, none, none, result},
        {attended, attended, attended, statistic}}},
      {"pipe.cross_entropy", {{any, none}, {none, none}, {statistic, statistic}}},
      {"pipe.cross_entropy_grad", {{full, any, none, full}, {none}, {{1}}}},
  };
  return rules;
}

const ComputeRule *computeRule(Operation *op) {
  auto found = computeRules().find(op->getName().getStringRef());
  return found == computeRules().end() ? nullptr : &found->second;
}

} // namespace

static Demand computeDemand(const ComputeRule &rule, OpOperand &operand) {
  auto op = cast<DestinationStyleOpInterface>(operand.getOwner());
  unsigned inputs = op.getNumDpsInputs(), number = operand.getOperandNumber();
  return number < inputs ? rule.inputs[number] : rule.destinations[number - inputs];
}

//===----------------------------------------------------------------------===//
// Linalg operations
//===----------------------------------------------------------------------===//

/// A sum of products, as PyTorch's matmul; every dimension belongs to two of a, b
/// and c.
static bool isProduct(linalg::GenericOp op) {
  if (op.getNumDpsInputs() != 2 || op.getNumDpsInits() != 1 || op.getNumReductionLoops() == 0 ||
      !llvm::all_of(op->getOperandTypes(), isFloatTensor))
    return false;
  auto maps = op.getIndexingMapsArray();
  if (!llvm::all_of(maps, [](AffineMap map) { return map.isProjectedPermutation(); }))
    return false;
  auto isOfTwo = [&](unsigned dim) {
    return llvm::count_if(maps, [&](AffineMap map) { return map.isFunctionOfDim(dim); }) >= 2;
  };
  bool own = false;
  for (unsigned dim = 0; dim < op.getNumLoops(); ++dim) {
    if (!isOfTwo(dim))
      return false;
    own |= maps[2].isFunctionOfDim(dim) &&
           maps[0].isFunctionOfDim(dim) != maps[1].isFunctionOfDim(dim);
  }
  auto sum = op.getBody()->getTerminator()->getOperand(0).getDefiningOp<arith::AddFOp>();
  return own && sum && llvm::all_of(op.getBody()->without_terminator(), [](Operation &inner) {
           return isa<arith::MulFOp, arith::AddFOp, arith::ConstantOp>(inner);
         });
}

/// Positions times frequencies, say, are no activations.
static bool isFixedProduct(linalg::GenericOp op, NatureOf natureOf) {
  return natureOf(op.getDpsInputs()[0]) == Nature::Fixed &&
         natureOf(op.getDpsInputs()[1]) == Nature::Fixed;
}

static bool readsInit(linalg::GenericOp op, OpOperand &init) {
  return !op.getMatchingBlockArgument(&init).use_empty();
}

static Demand genericDemand(linalg::GenericOp op, OpOperand &operand, NatureOf natureOf) {
  if (op.isDpsInit(&operand))
    return readsInit(op, operand) ? Demand::Result : Demand::None;
  return isProduct(op) && !isFixedProduct(op, natureOf) ? Demand::Brain : Demand::Any;
}

static Makes genericMakes(linalg::GenericOp op, unsigned i, bool sums, NatureOf natureOf) {
  OpOperand *init = op.getDpsInitOperand(i);
  Nature nature = Nature::Fixed;
  for (OpOperand &operand : op->getOpOperands())
    if (isFloatTensor(operand.get().getType()) && (op.isDpsInput(&operand) || readsInit(op, operand)))
      nature = combined(nature, natureOf(operand.get()));
  if (op.getNumReductionLoops() == 0)
    return {nature};
  bool isActivation = nature != Nature::Fixed && nature != Nature::Parameter;
  if (!isProduct(op))
    return {isActivation ? Nature::Statistic : nature, StoredAs::Full};
  if (isFixedProduct(op, natureOf))
    return {nature, StoredAs::Full};
  // A residual of f32 makes an f32, and so does a sum of gradients.
  Nature start = natureOf(init->get());
  bool intoFull = start == Nature::Full || start == Nature::Statistic;
  return {sums || intoFull ? Nature::Full : Nature::Brain};
}

//===----------------------------------------------------------------------===//
// All of them
//===----------------------------------------------------------------------===//

static bool isAssembly(Operation *op) { return isa<tensor::ConcatOp, tensor::InsertSliceOp>(op); }

bool bitpipe::hasRule(Operation *op) {
  return isViewOf(op) || isMadeAnew(op) || isAssembly(op) || isa<linalg::GenericOp>(op) ||
         computeRule(op);
}

Demand bitpipe::demandOf(OpOperand &operand, NatureOf natureOf) {
  Operation *op = operand.getOwner();
  if (const ComputeRule *rule = computeRule(op))
    return computeDemand(*rule, operand);
  if (auto generic = dyn_cast<linalg::GenericOp>(op))
    return genericDemand(generic, operand, natureOf);
  return isAssembly(op) ? Demand::Result : Demand::None;
}

Makes bitpipe::makes(Operation *op, unsigned i, bool sums, NatureOf natureOf) {
  if (const ComputeRule *rule = computeRule(op)) {
    Made made = rule->results[i];
    if (made.follows < 0)
      return {made.nature, made.stored};
    Nature nature = natureOf(op->getOperand(made.follows));
    // Rows of a parameter are activations, and f32 as it is.
    bool isEmbedding = isa<pipe::GatherOp>(op) && nature == Nature::Parameter;
    return {isEmbedding ? Nature::Full : nature};
  }
  if (auto generic = dyn_cast<linalg::GenericOp>(op))
    return genericMakes(generic, i, sums, natureOf);
  Nature nature = Nature::Fixed;
  for (Value operand : op->getOperands())
    if (isFloatTensor(operand.getType()))
      nature = combined(nature, natureOf(operand));
  return {nature};
}
