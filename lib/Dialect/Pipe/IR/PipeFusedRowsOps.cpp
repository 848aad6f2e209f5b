//===- PipeFusedRowsOps.cpp - The verifier of what is fused along rows -----===//

#include "lib/Dialect/Pipe/IR/FusedRows.h"
#include "lib/Dialect/Pipe/IR/Pipe.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace bitpipe;
using namespace bitpipe::pipe;

//===----------------------------------------------------------------------===//
// Rules
//===----------------------------------------------------------------------===//

ArrayRef<unsigned> pipe::walkedOperands(Operation *op) {
  static constexpr unsigned walked[] = {0, 1};
  if (isa<LayerNormOp, DropoutOp>(op))
    return ArrayRef(walked).take_front(1);
  if (isa<LayerNormGradInputOp>(op))
    return walked;
  return {};
}

Type pipe::computedIn(Type element) {
  return element.isBF16() ? Type(Float32Type::get(element.getContext())) : element;
}

AffineMap pipe::indexingMap(OpOperand &operand) {
  auto maps = operand.getOwner()->getAttrOfType<ArrayAttr>("indexing_maps");
  return cast<AffineMapAttr>(maps[operand.getOperandNumber()]).getValue();
}

/// Dimensions in their order: what they do not name is broadcast.
static bool isBroadcast(AffineMap map) {
  if (map.getNumSymbols() > 0 || !map.isProjectedPermutation())
    return false;
  for (unsigned i = 1; i < map.getNumResults(); ++i)
    if (map.getDimPosition(i) < map.getDimPosition(i - 1))
      return false;
  return true;
}

static bool isScalarArithmetic(Operation &op) {
  if (op.getNumRegions() > 0 ||
      !(op.hasTrait<OpTrait::ConstantLike>() || OpTrait::hasElementwiseMappableTraits(&op)))
    return false;
  return llvm::all_of(op.getResultTypes(), [](Type type) { return isa<FloatType>(type) || type.isInteger(1); });
}

std::optional<std::string> pipe::whyNotElementwise(Operation *op, ArrayRef<int64_t> shape, Type element) {
  if (op->getName().getStringRef() != "linalg.generic")
    return "is no linalg.generic";
  auto dps = cast<DestinationStyleOpInterface>(op);
  for (OpOperand &operand : op->getOpOperands()) {
    Type type = getElementTypeOrSelf(operand.get());
    if (!isa<ShapedType>(operand.get().getType()) || computedIn(type) != element)
      return "has an operand that is not computed in the type of the rows";
    AffineMap map = indexingMap(operand);
    if (dps.isDpsInput(&operand) ? !isBroadcast(map) : !map.isIdentity())
      return "indexes an operand by more than its place, or a broadcast of it";
  }
  for (Value init : dps.getDpsInits())
    if (cast<ShapedType>(init.getType()).getShape() != shape)
      return "has other rows";
  Block &body = op->getRegion(0).front();
  for (BlockArgument sofar : body.getArguments().take_back(dps.getNumDpsInits()))
    if (!sofar.use_empty())
      return "reads what it is to write";
  if (!llvm::all_of(body.without_terminator(), isScalarArithmetic))
    return "computes with more than numbers";
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// FusedRowsOp
//===----------------------------------------------------------------------===//

Operation *FusedRowsOp::rowOperation() {
  for (Operation &op : getBody().front())
    if (!walkedOperands(&op).empty())
      return &op;
  return nullptr;
}

/// Whether an operation of the body reads of this operand the element alone that it
/// computes.
static bool isWalked(OpOperand &operand) {
  Operation *op = operand.getOwner();
  ArrayRef<unsigned> walked = walkedOperands(op);
  if (!walked.empty())
    return llvm::is_contained(walked, operand.getOperandNumber());
  return indexingMap(operand).isIdentity();
}

bool FusedRowsOp::mayOverwrite(unsigned input) {
  return llvm::all_of(getBody().getArgument(input).getUses(), isWalked);
}

void FusedRowsOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  auto *resource = SideEffects::DefaultResource::get();
  for (OpOperand &operand : (*this)->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType()))
      continue;
    if (isDpsInit(&operand))
      effects.emplace_back(MemoryEffects::Write::get(), &operand, resource);
    else
      effects.emplace_back(MemoryEffects::Read::get(), &operand, resource);
  }
}

/// The tensor that a tensor or a buffer holds.
static Type heldTensor(Type type) {
  auto shaped = cast<ShapedType>(type);
  return RankedTensorType::get(shaped.getShape(), shaped.getElementType());
}

/// Checks that the body takes and yields what the operands hold.
static LogicalResult verifySignature(FusedRowsOp op, YieldOp yield) {
  auto check = [&](StringRef what, TypeRange got, OperandRange operands) -> LogicalResult {
    if (got.size() != operands.size())
      return mlir::emitError(op.getLoc()) << FusedRowsOp::getOperationName() << " " << what << " " << got.size()
                                          << " tensors, expected " << operands.size();
    for (auto [type, operand] : llvm::zip(got, operands))
      if (type != heldTensor(operand.getType()))
        return mlir::emitError(op.getLoc()) << FusedRowsOp::getOperationName() << " " << what << " " << type
                                            << ", expected " << heldTensor(operand.getType());
    return success();
  };
  if (failed(check("has a body that takes", op.getBody().getArgumentTypes(), op.getInputs())) ||
      failed(check("yields", yield.getValues().getTypes(), op.getInits())))
    return failure();
  for (Value value : yield.getValues())
    if (isa<BlockArgument>(value) || !isa<DestinationStyleOpInterface>(value.getDefiningOp()))
      return mlir::emitError(op.getLoc()) << FusedRowsOp::getOperationName()
                                          << " yields what it does not compute, expected results of its body";
  return success();
}

/// Checks that an operation of the body reads inputs, and what others compute that is walked
/// by both.
static LogicalResult verifyFlow(Operation *inner) {
  auto error = [&](OpOperand &operand) {
    return mlir::emitError(inner->getLoc()) << inner->getName() << " in a pipe.fused_rows reads operand "
                                            << operand.getOperandNumber();
  };
  auto style = cast<DestinationStyleOpInterface>(inner);
  for (OpOperand *operand : style.getDpsInputOperands()) {
    auto result = dyn_cast<OpResult>(operand->get());
    if (!result)
      continue;
    if (!isa<DestinationStyleOpInterface>(result.getOwner()))
      return error(*operand) << " from what computes nothing, expected an input of it or a result";
    bool isOther = !walkedOperands(result.getOwner()).empty() && result.getResultNumber() > 0;
    if (isOther || !isWalked(*operand))
      return error(*operand) << " from inside, expected elements of its own place only";
  }
  return success();
}

LogicalResult FusedRowsOp::verifyRegions() {
  Block &block = getBody().front();
  auto yield = dyn_cast<YieldOp>(block.empty() ? nullptr : &block.back());
  if (!yield)
    return mlir::emitError(getLoc()) << getOperationName() << " has a body without pipe.yield, expected one at its end";
  if (failed(verifySignature(*this, yield)))
    return failure();
  if (llvm::all_of(yield.getValues(), [](Value value) {
        return !walkedOperands(value.getDefiningOp()).empty() && cast<OpResult>(value).getResultNumber() > 0;
      }))
    return mlir::emitError(getLoc()) << getOperationName() << " yields no rows, expected some";
  unsigned count = llvm::count_if(block, [](Operation &op) { return !walkedOperands(&op).empty(); });
  if (count != 1)
    return mlir::emitError(getLoc()) << getOperationName() << " has " << count << " row operations, expected 1";
  for (Value other : rowOperation()->getResults().drop_front())
    if (llvm::count(yield.getValues(), other) != 1)
      return mlir::emitError(getLoc()) << getOperationName() << " yields " << rowOperation()->getName()
                                       << "'s results behind the first not once each, as expected";
  auto rows = cast<ShapedType>(rowOperation()->getOperand(0).getType());
  Type element = computedIn(rows.getElementType());
  for (Operation &inner : block.without_terminator()) {
    if (inner.hasTrait<OpTrait::ConstantLike>() || inner.getName().getStringRef() == "tensor.empty")
      continue;
    if (&inner != rowOperation())
      if (auto why = whyNotElementwise(&inner, rows.getShape(), element))
        return mlir::emitError(inner.getLoc()) << inner.getName() << " in a pipe.fused_rows " << *why
                                               << ", expected it elementwise along the rows of " << rows;
    if (failed(verifyFlow(&inner)))
      return failure();
  }
  return success();
}
