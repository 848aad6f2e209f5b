//===- PipeComputeOps.cpp - Verifiers and effects of compute operations ----===//

#include "lib/Dialect/Pipe/IR/Pipe.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace bitpipe::pipe;

namespace {

/// Buffers among the inputs are read; those among the inits read and written.
template <typename Op>
void bufferEffects(
    Op op,
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  auto *resource = SideEffects::DefaultResource::get();
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType()))
      continue;
    effects.emplace_back(MemoryEffects::Read::get(), &operand, resource);
    if (op.isDpsInit(&operand))
      effects.emplace_back(MemoryEffects::Write::get(), &operand, resource);
  }
}

/// Checks the number of inputs and inits.
LogicalResult verifyArity(Operation *op, size_t inputs, size_t inits) {
  auto dps = cast<DestinationStyleOpInterface>(op);
  size_t gotInputs = dps.getNumDpsInputs(), gotInits = dps.getNumDpsInits();
  if (gotInputs == inputs && gotInits == inits)
    return success();
  return mlir::emitError(op->getLoc())
         << op->getName() << " has " << gotInputs << " inputs and " << gotInits
         << " destinations, expected " << inputs << " and " << inits;
}

/// Checks that operand `labels` holds integers, if there is one, and all others
/// numbers of one floating-point type.
LogicalResult verifyElements(Operation *op, std::optional<unsigned> labels = std::nullopt) {
  Type first = getElementTypeOrSelf(op->getOperand(0));
  for (OpOperand &operand : op->getOpOperands()) {
    Type element = getElementTypeOrSelf(operand.get());
    bool integers = labels == operand.getOperandNumber();
    if (integers ? element.isSignlessInteger() : isa<FloatType>(element) && element == first)
      continue;
    auto error = mlir::emitError(op->getLoc());
    error << op->getName() << " operand " << operand.getOperandNumber() << " has elements of "
          << element << ", expected ";
    if (integers)
      return error << "integers";
    return isa<FloatType>(first) ? error << first : error << "a floating-point type";
  }
  return success();
}

/// Checks that operand a has a last dimension.
LogicalResult verifyHasColumns(Operation *op, unsigned a) {
  auto type = cast<ShapedType>(op->getOperand(a).getType());
  if (type.getRank() > 0)
    return success();
  return mlir::emitError(op->getLoc()) << op->getName() << " operand " << a << " is " << type
                                 << ", expected at least one dimension";
}

/// Checks that operand a has no dimension.
LogicalResult verifyScalar(Operation *op, unsigned a) {
  auto type = cast<ShapedType>(op->getOperand(a).getType());
  if (type.getRank() == 0)
    return success();
  return mlir::emitError(op->getLoc()) << op->getName() << " operand " << a << " is " << type
                                 << ", expected a scalar without dimensions";
}

/// Checks that the two operands have one shape and element type.
LogicalResult verifySame(Operation *op, unsigned a, unsigned b) {
  auto ta = cast<ShapedType>(op->getOperand(a).getType());
  auto tb = cast<ShapedType>(op->getOperand(b).getType());
  if (ta.getShape() == tb.getShape() && ta.getElementType() == tb.getElementType())
    return success();
  return mlir::emitError(op->getLoc()) << op->getName() << " operand " << b << " is " << tb
                                 << ", expected the shape of " << ta;
}

/// Checks that operand b has the shape of operand a without its last dimension.
LogicalResult verifyRows(Operation *op, unsigned a, unsigned b) {
  auto ta = cast<ShapedType>(op->getOperand(a).getType());
  auto tb = cast<ShapedType>(op->getOperand(b).getType());
  if (ta.getRank() > 0 && ta.getShape().drop_back() == tb.getShape())
    return success();
  return mlir::emitError(op->getLoc()) << op->getName() << " operand " << b << " is " << tb
                                 << ", expected one entry per row of " << ta;
}

/// Checks that operand b is a vector as long as the last dimension of a.
LogicalResult verifyColumns(Operation *op, unsigned a, unsigned b) {
  auto ta = cast<ShapedType>(op->getOperand(a).getType());
  auto tb = cast<ShapedType>(op->getOperand(b).getType());
  if (ta.getRank() > 0 && tb.getRank() == 1 &&
      ta.getShape().back() == tb.getDimSize(0))
    return success();
  return mlir::emitError(op->getLoc()) << op->getName() << " operand " << b << " is " << tb
                                 << ", expected one entry per column of " << ta;
}

/// Checks table[rows, n...], ids[...] and y[..., n...] of a gather.
LogicalResult verifyGather(Operation *op, unsigned table, unsigned ids, unsigned y) {
  auto tt = cast<ShapedType>(op->getOperand(table).getType());
  auto ti = cast<ShapedType>(op->getOperand(ids).getType());
  auto ty = cast<ShapedType>(op->getOperand(y).getType());
  SmallVector<int64_t> want(ti.getShape());
  if (tt.getRank() > 0)
    llvm::append_range(want, tt.getShape().drop_front());
  if (tt.getRank() > 0 && tt.getDimSize(0) != 0 &&
      ti.getElementType().isSignlessInteger() &&
      tt.getElementType() == ty.getElementType() &&
      ArrayRef<int64_t>(want) == ty.getShape())
    return success();
  return mlir::emitError(op->getLoc()) << op->getName() << " of table " << tt << " and ids "
                                 << ti << " has rows " << ty
                                 << ", expected the shape of the ids followed by that of a row";
}

/// Checks that the position of every element of operand a fits in 32 bits.
LogicalResult verifyCounted(Operation *op, unsigned a) {
  auto type = cast<ShapedType>(op->getOperand(a).getType());
  double elements = 1;
  for (int64_t size : type.getShape())
    elements *= ShapedType::isDynamic(size) ? 1 : size;
  if (elements <= 0x1p32)
    return success();
  return mlir::emitError(op->getLoc()) << op->getName() << " operand " << a << " is " << type
                                 << ", expected at most 2^32 elements";
}

} // namespace

LogicalResult SoftmaxOp::verify() {
  return success(succeeded(verifyArity(*this, 1, 1)) &&
                 succeeded(verifyElements(*this)) &&
                 succeeded(verifyHasColumns(*this, 0)) &&
                 succeeded(verifySame(*this, 0, 1)));
}

LogicalResult SoftmaxGradOp::verify() {
  return success(succeeded(verifyArity(*this, 2, 1)) &&
                 succeeded(verifyElements(*this)) &&
                 succeeded(verifyHasColumns(*this, 0)) &&
                 succeeded(verifySame(*this, 0, 1)) &&
                 succeeded(verifySame(*this, 0, 2)));
}

LogicalResult LayerNormOp::verify() {
  return success(succeeded(verifyArity(*this, 3, 3)) &&
                 succeeded(verifyElements(*this)) &&
                 succeeded(verifyColumns(*this, 0, 1)) &&
                 succeeded(verifyColumns(*this, 0, 2)) &&
                 succeeded(verifySame(*this, 0, 3)) &&
                 succeeded(verifyRows(*this, 0, 4)) &&
                 succeeded(verifyRows(*this, 0, 5)));
}

LogicalResult LayerNormGradInputOp::verify() {
  return success(succeeded(verifyArity(*this, 5, 1)) &&
                 succeeded(verifyElements(*this)) &&
                 succeeded(verifySame(*this, 0, 1)) &&
                 succeeded(verifyColumns(*this, 0, 2)) &&
                 succeeded(verifyRows(*this, 0, 3)) &&
                 succeeded(verifyRows(*this, 0, 4)) &&
                 succeeded(verifySame(*this, 0, 5)));
}

LogicalResult LayerNormGradParamsOp::verify() {
  return success(succeeded(verifyArity(*this, 4, 2)) &&
                 succeeded(verifyElements(*this)) &&
                 succeeded(verifySame(*this, 0, 1)) &&
                 succeeded(verifyRows(*this, 0, 2)) &&
                 succeeded(verifyRows(*this, 0, 3)) &&
                 succeeded(verifyColumns(*this, 0, 4)) &&
                 succeeded(verifyColumns(*this, 0, 5)));
}

LogicalResult GatherOp::verify() {
  return success(succeeded(verifyArity(*this, 2, 1)) &&
                 succeeded(verifyGather(*this, 0, 1, 2)));
}

LogicalResult GatherGradOp::verify() {
  return success(succeeded(verifyArity(*this, 2, 1)) &&
                 succeeded(verifyElements(*this, 1)) &&
                 succeeded(verifyGather(*this, 2, 1, 0)));
}

LogicalResult CrossEntropyOp::verify() {
  return success(succeeded(verifyArity(*this, 2, 2)) &&
                 succeeded(verifyElements(*this, 1)) &&
                 succeeded(verifyScalar(*this, 2)) &&
                 succeeded(verifyRows(*this, 0, 1)) &&
                 succeeded(verifyRows(*this, 0, 3)));
}

LogicalResult CrossEntropyGradOp::verify() {
  return success(succeeded(verifyArity(*this, 4, 1)) &&
                 succeeded(verifyElements(*this, 2)) &&
                 succeeded(verifyScalar(*this, 0)) &&
                 succeeded(verifyRows(*this, 1, 2)) &&
                 succeeded(verifyRows(*this, 1, 3)) &&
                 succeeded(verifySame(*this, 1, 4)));
}

/// Checks x[..., features], weight, labels[...] and perhaps a bias, from operand
/// `first` on; a bias is the last input.
template <typename Op>
static LogicalResult verifyLinear(Op op, unsigned first) {
  size_t inputs = op.getInputs().size();
  bool hasBias = inputs == first + 4;
  auto x = cast<ShapedType>(op->getOperand(first).getType());
  auto weight = cast<ShapedType>(op->getOperand(first + 1).getType());
  if (failed(verifyHasColumns(op, first)))
    return failure();
  bool fits = weight.getRank() == 2 &&
              weight.getDimSize(op.getTransposed() ? 0 : 1) == x.getShape().back();
  if (!fits)
    return mlir::emitError(op.getLoc())
           << op->getName() << " operand " << first + 1 << " is " << weight << ", expected "
           << (op.getTransposed() ? "[features, classes]" : "[classes, features]")
           << " for the last dimension of " << x;
  if (failed(verifyRows(op, first, first + 2)))
    return failure();
  int64_t classes = weight.getDimSize(op.getTransposed() ? 1 : 0);
  auto bias = cast<ShapedType>(op->getOperand(first + 3).getType());
  if (!hasBias || (bias.getRank() == 1 && bias.getDimSize(0) == classes))
    return success();
  return mlir::emitError(op.getLoc()) << op->getName() << " operand " << first + 3 << " is " << bias
                                      << ", expected one entry for each of " << classes << " classes";
}

LogicalResult LinearCrossEntropyOp::verify() {
  bool hasBias = getInputs().size() == 4;
  return success(succeeded(verifyArity(*this, hasBias ? 4 : 3, 1)) &&
                 succeeded(verifyElements(*this, 2)) &&
                 succeeded(verifyLinear(*this, 0)) &&
                 succeeded(verifyScalar(*this, hasBias ? 4 : 3)));
}

LogicalResult LinearCrossEntropyGradOp::verify() {
  bool hasBias = getInputs().size() == 5;
  unsigned inits = hasBias ? 5 : 4;
  return success(succeeded(verifyArity(*this, inits, hasBias ? 4 : 3)) &&
                 succeeded(verifyElements(*this, 3)) &&
                 succeeded(verifyScalar(*this, 0)) &&
                 succeeded(verifyLinear(*this, 1)) &&
                 succeeded(verifyScalar(*this, inits)) &&
                 succeeded(verifySame(*this, 1, inits + 1)) &&
                 succeeded(verifySame(*this, 2, inits + 2)) &&
                 (!hasBias || succeeded(verifySame(*this, 4, inits + 3))));
}

LogicalResult DropoutOp::verify() {
  double ratio = getRatio().convertToDouble();
  if (!(ratio >= 0 && ratio < 1))
    return mlir::emitError(getLoc())
           << getOperationName() << " has ratio " << ratio << ", expected 0 or more and below 1";
  if (failed(verifyArity(*this, 2, 1)) || failed(verifyElements(*this, 1)) ||
      failed(verifyHasColumns(*this, 0)) || failed(verifyCounted(*this, 0)) ||
      failed(verifyScalar(*this, 1)) || failed(verifySame(*this, 0, 2)))
    return failure();
  auto key = cast<ShapedType>(getInputs()[1].getType());
  if (key.getElementType().isSignlessInteger(64))
    return success();
  return mlir::emitError(getLoc()) << getOperationName() << " operand 1 is " << key
                             << ", expected an i64, the key";
}

#define PIPE_EFFECTS(Op)                                                       \
  void Op::getEffects(                                                         \
      SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>      \
          &effects) {                                                          \
    bufferEffects(*this, effects);                                             \
  }
PIPE_EFFECTS(AttentionOp)
PIPE_EFFECTS(AttentionGradOp)
PIPE_EFFECTS(SoftmaxOp)
PIPE_EFFECTS(SoftmaxGradOp)
PIPE_EFFECTS(LayerNormOp)
PIPE_EFFECTS(LayerNormGradInputOp)
PIPE_EFFECTS(LayerNormGradParamsOp)
PIPE_EFFECTS(GatherOp)
PIPE_EFFECTS(GatherGradOp)
PIPE_EFFECTS(DropoutOp)
PIPE_EFFECTS(CrossEntropyOp)
PIPE_EFFECTS(CrossEntropyGradOp)
PIPE_EFFECTS(LinearCrossEntropyOp)
PIPE_EFFECTS(LinearCrossEntropyGradOp)
#undef PIPE_EFFECTS
