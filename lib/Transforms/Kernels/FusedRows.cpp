//===- FusedRows.cpp - A row operation and its elementwise neighbours ------===//
//
// The row operation is emitted as ever, on buffers some of which stand for values that
// are in registers: a load of what an elementwise operation makes computes it, in every
// pass over the row anew where it is not known yet, and a store of a result, which is the
// last pass, goes on to the operations behind it. Only there is anything stored, after
// all that is read of those elements: so results may lie where inputs did.
//
//===----------------------------------------------------------------------===//

#include "lib/Dialect/Pipe/IR/FusedRows.h"
#include "lib/Transforms/Kernels/RowOperations.h"
#include "lib/Transforms/Kernels/VectorBody.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace bitpipe;

namespace {

class FusedEmitter {
public:
  FusedEmitter(RowEmitter &e, pipe::FusedRowsOp op)
      : e(e), b(e.builder()), op(op), rows(op.rowOperation()), body(op.getBody().front()),
        yielded(body.getTerminator()->getOperands()) {}

  void emit();

private:
  Value standIn(Value tensor);
  Value bufferOf(OpOperand &operand);
  Value destinationOf(OpResult result);
  Value loadFrom(BlockArgument input, AffineMap map, ValueRange row, Lanes lanes);
  Value valueOf(Value tensor, ValueRange row, Lanes lanes);
  void compute(linalg::GenericOp generic, ValueRange row, Lanes lanes);
  void finish(Value result, ValueRange row, Lanes lanes);

  RowEmitter &e;
  OpBuilder &b;
  pipe::FusedRowsOp op;
  Operation *rows;
  Block &body;
  ValueRange yielded;
  SmallVector<Operation *> standIns;
  /// Values of the body at the lanes that begin with the second.
  DenseMap<std::pair<Value, Value>, Value> known;
};

} // namespace

/// A buffer that is never touched.
Value FusedEmitter::standIn(Value tensor) {
  auto type = cast<RankedTensorType>(tensor.getType());
  Type buffer = MemRefType::get(type.getShape(), type.getElementType());
  standIns.push_back(UnrealizedConversionCastOp::create(b, op.getLoc(), TypeRange(buffer), ValueRange()));
  return standIns.back()->getResult(0);
}

/// What the row operation takes for an operand.
Value FusedEmitter::bufferOf(OpOperand &operand) {
  Value tensor = operand.get();
  if (!llvm::is_contained(pipe::walkedOperands(rows), operand.getOperandNumber()))
    return op.getInputs()[cast<BlockArgument>(tensor).getArgNumber()];
  Value buffer = standIn(tensor);
  e.replaceLoads(buffer, [this, tensor](ValueRange row, Lanes lanes) { return valueOf(tensor, row, lanes); });
  return buffer;
}

/// Where the row operation stores a result.
Value FusedEmitter::destinationOf(OpResult result) {
  if (result.getResultNumber() > 0)
    return op.getInits()[llvm::find(yielded, result) - yielded.begin()];
  Value buffer = standIn(result);
  e.replaceStores(buffer, [this, result](Value value, ValueRange row, Lanes lanes) {
    known[{result, lanes.first}] = value;
    finish(result, row, lanes);
  });
  return buffer;
}

/// Elements of an input, or the one that all lanes have in common.
Value FusedEmitter::loadFrom(BlockArgument input, AffineMap map, ValueRange row, Lanes lanes) {
  Value buffer = op.getInputs()[input.getArgNumber()];
  SmallVector<Value> at;
  bool alongRow = false;
  for (unsigned i = 0; i < map.getNumResults(); ++i) {
    unsigned dim = map.getDimPosition(i);
    alongRow |= dim == row.size();
    if (dim < row.size())
      at.push_back(row[dim]);
  }
  if (alongRow)
    return e.loadStored(buffer, at, lanes);
  return memref::LoadOp::create(b, op.getLoc(), buffer, at);
}

/// The elements of a tensor of the body that are at the lanes.
Value FusedEmitter::valueOf(Value tensor, ValueRange row, Lanes lanes) {
  if (Value value = known.lookup({tensor, lanes.first}))
    return value;
  if (auto input = dyn_cast<BlockArgument>(tensor)) {
    AffineMap all = AffineMap::getMultiDimIdentityMap(row.size() + 1, b.getContext());
    return known[{tensor, lanes.first}] = loadFrom(input, all, row, lanes);
  }
  compute(cast<linalg::GenericOp>(tensor.getDefiningOp()), row, lanes);
  return known.at({tensor, lanes.first});
}

void FusedEmitter::compute(linalg::GenericOp generic, ValueRange row, Lanes lanes) {
  Values arguments;
  for (OpOperand *operand : generic.getDpsInputOperands()) {
    AffineMap map = generic.getMatchingIndexingMap(operand);
    auto input = dyn_cast<BlockArgument>(operand->get());
    arguments.push_back(input && !map.isIdentity() ? loadFrom(input, map, row, lanes)
                                                   : valueOf(operand->get(), row, lanes));
  }
  arguments.append(generic.getNumDpsInits(), Value()); // which nothing reads
  Values results = emitBody(b, *generic.getBody(), arguments, {}, e.lanes());
  for (auto [result, value] : llvm::zip_equal(generic->getResults(), results))
    known[{result, lanes.first}] = spread(b, op.getLoc(), value, e.lanes());
}

/// All that is stored of some lanes, in the last pass over their row.
void FusedEmitter::finish(Value result, ValueRange row, Lanes lanes) {
  SmallVector<std::pair<Value, Value>> stores;
  for (auto [value, buffer] : llvm::zip_equal(yielded, op.getInits()))
    if (value.getDefiningOp() != rows || value == result)
      stores.emplace_back(valueOf(value, row, lanes), buffer);
  for (auto [value, buffer] : stores)
    e.storeStored(value, buffer, row, lanes);
}

/// The operation is erased once it is emitted, and its constants with it.
void FusedEmitter::emit() {
  for (Operation &inner : body)
    if (inner.hasTrait<OpTrait::ConstantLike>())
      inner.replaceAllUsesWith(b.clone(inner));
  SmallVector<Value> operands;
  auto style = cast<DestinationStyleOpInterface>(rows);
  for (OpOperand *operand : style.getDpsInputOperands())
    operands.push_back(bufferOf(*operand));
  for (OpResult result : rows->getResults())
    operands.push_back(destinationOf(result));
  Operation *onBuffers = clone(b, rows, /*newResultTypes=*/TypeRange(), operands);
  llvm::TypeSwitch<Operation *>(onBuffers)
      .Case<pipe::LayerNormOp, pipe::LayerNormGradInputOp, pipe::DropoutOp>(
          [&](auto compute) { emitRows(e, compute); });
  onBuffers->erase();
  for (Operation *buffer : standIns)
    buffer->erase();
}

void bitpipe::emitRows(RowEmitter &e, pipe::FusedRowsOp op) { FusedEmitter(e, op).emit(); }

/// Whether a use of an input goes along the columns of a row.
static bool goesAlong(OpOperand &use, unsigned rank) {
  if (auto generic = dyn_cast<linalg::GenericOp>(use.getOwner())) {
    AffineMap map = generic.getMatchingIndexingMap(&use);
    return map.isFunctionOfDim(rank - 1);
  }
  if (llvm::is_contained(pipe::walkedOperands(use.getOwner()), use.getOperandNumber()))
    return true;
  // Weights and biases; means, deviations and keys are no longer than there are rows.
  return llvm::TypeSwitch<Operation *, bool>(use.getOwner())
      .Case([&](pipe::LayerNormOp) { return true; })
      .Case([&](pipe::LayerNormGradInputOp) { return use.getOperandNumber() == 2; })
      .Default(false);
}

RowAccess bitpipe::rowAccess(pipe::FusedRowsOp op) {
  Operation *rows = op.rowOperation();
  auto type = cast<RankedTensorType>(rows->getOperand(0).getType());
  Values buffers;
  for (auto [value, buffer] : llvm::zip_equal(op.getBody().front().getTerminator()->getOperands(), op.getInits()))
    if (value.getDefiningOp() != rows || value == rows->getResult(0))
      buffers.push_back(buffer);
  for (auto [argument, buffer] : llvm::zip_equal(op.getBody().getArguments(), op.getInputs()))
    if (llvm::any_of(argument.getUses(), [&](OpOperand &use) { return goesAlong(use, type.getRank()); }))
      buffers.push_back(buffer);
  return {computedElement(type.getElementType()), buffers};
}
