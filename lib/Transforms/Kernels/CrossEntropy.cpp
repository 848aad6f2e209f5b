//===- CrossEntropy.cpp - Loops of cross-entropy and its gradient ----------===//
//
// The scalar sum over all rows is kept in f64: a batch has thousands of rows,
// and the loss is what runs are compared by.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Kernels/ComputeToLoops.h"
#include "lib/Transforms/Kernels/Divide.h"
#include "lib/Transforms/Kernels/IndexCheck.h"
#include "lib/Transforms/Kernels/RowOperations.h"
#include "lib/Transforms/Kernels/VectorRows.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace bitpipe;
using Terms = RowEmitter::Terms;

/// The log-sum-exp of a row of logits.
static Value logSumExp(RowEmitter &e, Value logits, ValueRange row, Value end) {
  Terms found = e.sumExponentials(end, [&](Lanes lanes) { return e.load(logits, row, lanes); });
  return e.add(e.log(found[1]), found[0]);
}

template <typename Op>
static Label label(RowEmitter &e, Op op, Value labels, ValueRange row, int64_t classes) {
  OpBuilder &b = e.builder();
  Location loc = e.location();
  Value value = memref::LoadOp::create(b, loc, labels, row);
  Value position = arith::IndexCastOp::create(b, loc, b.getIndexType(), value);
  int64_t ignored = op.getIgnoreIndex();
  Value inside = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult,
                                       position, e.index(classes));
  Value ignore = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                       position, e.index(ignored));
  if (isa<pipe::CrossEntropyOp>(op.getOperation())) {
    IndexSite site{"label",
                   "0 to " + std::to_string(classes - 1) + " or " +
                       std::to_string(ignored),
                   labels};
    Value valid = arith::OrIOp::create(b, loc, inside, ignore);
    recordUnless(b, op, site, valid, position, row);
  }
  Value counts = arith::SelectOp::create(
      b, loc, ignore, arith::ConstantOp::create(b, loc, b.getBoolAttr(false)),
      inside);
  return {counts, position};
}

Label bitpipe::labelAt(RowEmitter &e, pipe::CrossEntropyOp op, ValueRange row) {
  auto type = cast<MemRefType>(op.getInputs()[0].getType());
  return label(e, op, op.getInputs()[1], row, type.getShape().back());
}

Label bitpipe::labelAt(RowEmitter &e, pipe::CrossEntropyGradOp op, ValueRange row) {
  auto type = cast<MemRefType>(op.getInputs()[1].getType());
  return label(e, op, op.getInputs()[2], row, type.getShape().back());
}

static SmallVector<Value> place(ValueRange row, Value column) {
  SmallVector<Value> at(row);
  at.push_back(column);
  return at;
}

Value bitpipe::rowLoss(RowEmitter &e, pipe::CrossEntropyOp op, ValueRange row, Value position) {
  OpBuilder &b = e.builder();
  Location loc = op.getLoc();
  Type f64 = b.getF64Type();
  auto widen = [&](Value v) {
    return v.getType() == f64 ? v : arith::ExtFOp::create(b, loc, f64, v).getResult();
  };
  Value lse = memref::LoadOp::create(b, loc, op.getInits()[1], row);
  Value chosen = e.loadScalar(op.getInputs()[0], place(row, position));
  return arith::SubFOp::create(b, loc, widen(lse), widen(chosen));
}

/// Sums what the rows add to the loss, in their order.
static void emitSum(RowEmitter &e, pipe::CrossEntropyOp op) {
  OpBuilder &b = e.builder();
  Location loc = op.getLoc();
  Value loss = op.getInits()[0];
  auto type = cast<MemRefType>(op.getInputs()[0].getType());
  Value total = memref::AllocaOp::create(b, loc, MemRefType::get({}, b.getF64Type()));
  Value zero = arith::ConstantOp::create(b, loc, b.getF64FloatAttr(0));
  memref::StoreOp::create(b, loc, zero, total);
  e.forRows(type.getShape().drop_back(), [&](ValueRange row) {
    auto [counts, position] = labelAt(e, op, row);
    auto branch = scf::IfOp::create(b, loc, counts);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(branch.thenYield());
    Value sofar = memref::LoadOp::create(b, loc, total, ValueRange());
    Value sum = arith::AddFOp::create(b, loc, sofar, rowLoss(e, op, row, position));
    memref::StoreOp::create(b, loc, sum, total, ValueRange());
  });
  Value sum = memref::LoadOp::create(b, loc, total, ValueRange());
  Type kept = cast<MemRefType>(loss.getType()).getElementType();
  if (!kept.isF64())
    sum = arith::TruncFOp::create(b, loc, kept, sum);
  memref::StoreOp::create(b, loc, sum, loss);
}

RowAccess bitpipe::rowAccess(pipe::CrossEntropyOp op) {
  return accessOf({op.getInputs()[0]});
}

void bitpipe::emitRows(RowEmitter &e, pipe::CrossEntropyOp op) {
  Value logits = op.getInputs()[0], lse = op.getInits()[1];
  auto type = cast<MemRefType>(logits.getType());
  Value end = e.index(type.getShape().back());
  e.forDividedRows(op, type.getShape().drop_back(), [&](ValueRange row) {
    Value found = logSumExp(e, logits, row, end);
    e.onceForRow([&] { memref::StoreOp::create(e.builder(), op.getLoc(), found, lse, row); });
  });
}

void bitpipe::emitLoops(OpBuilder &b, pipe::CrossEntropyOp op) {
  auto [element, buffers] = rowAccess(op);
  VectorRows e(b, op.getLoc(), element, buffers);
  emitRows(e, op);
  emitFinish(b, op, [&] { emitSum(e, op); });
}

RowAccess bitpipe::rowAccess(pipe::CrossEntropyGradOp op) {
  return accessOf({op.getInputs()[1], op.getInits()[0]});
}

void bitpipe::emitLoops(OpBuilder &b, pipe::CrossEntropyGradOp op) {
  Location loc = op.getLoc();
  auto inputs = op.getInputs();
  Value logits = inputs[1], lse = inputs[3];
  Value dlogits = op.getInits()[0];
  auto type = cast<MemRefType>(logits.getType());
  auto [element, buffers] = rowAccess(op);
  VectorRows e(b, loc, element, buffers);
  Value end = e.index(type.getShape().back());
  Value dloss = memref::LoadOp::create(b, loc, inputs[0], ValueRange());
  e.forDividedRows(op, type.getShape().drop_back(), [&](ValueRange row) {
    auto [counts, position] = labelAt(e, op, row);
    Value rowLse = memref::LoadOp::create(b, loc, lse, row);
    auto branch = scf::IfOp::create(b, loc, counts, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(branch.thenYield());
    // The label's own is near 1 minus 1, so it is not made from a rounded share.
    SmallVector<Value> at = place(row, position);
    Value own = e.exp(e.sub(e.loadScalar(logits, at), rowLse));
    e.forColumns(end, [&](Lanes lanes) {
      Value share = e.exp(e.sub(e.load(logits, row, lanes), rowLse));
      e.store(e.mul(share, dloss), dlogits, row, lanes);
    });
    e.storeScalar(e.sub(e.mul(own, dloss), dloss), dlogits, at);
    b.setInsertionPoint(branch.elseYield());
    e.forColumns(end, [&](Lanes lanes) {
      e.store(e.number(0), dlogits, row, lanes);
    });
  });
}
