//===- Gather.cpp - Loops of row gather and its gradient -------------------===//
//
// Rows are copied or added in the order of the ids, so that equal ids give the
// same sum on every run.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Kernels/ComputeToLoops.h"
#include "lib/Transforms/Kernels/IndexCheck.h"
#include "lib/Transforms/Kernels/RowLoops.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace bitpipe;

/// The row of the table that an id names; negative ids count from the end. An
/// id without a row takes row 0, and is put on record where `isForward`: the
/// gradient follows the same ids again.
static Value tableRow(RowEmitter &e, Operation *op, Value ids, ValueRange at,
                      int64_t rows, bool isForward) {
  OpBuilder &b = e.builder();
  Location loc = e.location();
  Value id = memref::LoadOp::create(b, loc, ids, at);
  Value row = arith::IndexCastOp::create(b, loc, b.getIndexType(), id);
  Value negative = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, row,
                                         e.index(0));
  Value wrapped = arith::AddIOp::create(b, loc, row, e.index(rows));
  wrapped = arith::SelectOp::create(b, loc, negative, wrapped, row);
  Value inside = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult,
                                       wrapped, e.index(rows));
  if (isForward) {
    IndexSite site{"index",
                   std::to_string(-rows) + " to " + std::to_string(rows - 1),
                   ids};
    recordUnless(b, op, site, inside, row, at);
  }
  return arith::SelectOp::create(b, loc, inside, wrapped, e.index(0));
}

static SmallVector<Value> join(ValueRange a, ValueRange b) {
  SmallVector<Value> all(a);
  llvm::append_range(all, b);
  return all;
}

/// Calls `body` with the place of every row, or element, of the table and the
/// place among the gathered ones that belongs to it.
static void forGathered(RowEmitter &e, Operation *op, Value table, Value ids,
                        function_ref<void(ValueRange, ValueRange)> body) {
  auto tableType = cast<MemRefType>(table.getType());
  auto idsType = cast<MemRefType>(ids.getType());
  ArrayRef<int64_t> inner = tableType.getShape().drop_front();
  e.forRows(idsType.getShape(), [&](ValueRange at) {
    Value row = tableRow(e, op, ids, at, tableType.getDimSize(0),
                         isa<pipe::GatherOp>(op));
    e.forRows(inner.empty() ? inner : inner.drop_back(), [&](ValueRange within) {
      body(join(row, within), join(at, within));
    });
  });
}

void bitpipe::emitLoops(OpBuilder &builder, pipe::GatherOp op) {
  Value table = op.getInputs()[0], ids = op.getInputs()[1], y = op.getInits()[0];
  auto type = cast<MemRefType>(table.getType());
  // Rows of one type are copied as they are.
  bool same = cast<MemRefType>(y.getType()).getElementType() == type.getElementType();
  Type element = same ? type.getElementType() : computedElement(type.getElementType());
  RowEmitter e(builder, op.getLoc(), element, {table, y});
  forGathered(e, op, table, ids, [&](ValueRange from, ValueRange to) {
    if (type.getRank() == 1) {
      e.storeScalar(e.loadScalar(table, from), y, to);
      return;
    }
    e.forColumns(e.index(type.getShape().back()), [&](Lanes lanes) {
      e.store(e.load(table, from, lanes), y, to, lanes);
    });
  });
}

void bitpipe::emitLoops(OpBuilder &builder, pipe::GatherGradOp op) {
  Value dy = op.getInputs()[0], ids = op.getInputs()[1], dtable = op.getInits()[0];
  auto type = cast<MemRefType>(dtable.getType());
  RowEmitter e(builder, op.getLoc(), type.getElementType(), {dy, dtable});
  forGathered(e, op, dtable, ids, [&](ValueRange to, ValueRange from) {
    if (type.getRank() == 1) {
      Value sum = e.add(e.loadScalar(dtable, to), e.loadScalar(dy, from));
      e.storeScalar(sum, dtable, to);
      return;
    }
    e.forColumns(e.index(type.getShape().back()), [&](Lanes lanes) {
      Value sum = e.add(e.load(dtable, to, lanes), e.load(dy, from, lanes));
      e.store(sum, dtable, to, lanes);
    });
  });
}
