//===- Gather.cpp - Loops of row gather and its gradient -------------------===//
//
// Rows are copied or added in the order of the ids, so that equal ids give the
// same sum on every run.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Kernels/ComputeToLoops.h"
#include "lib/Transforms/Kernels/Divide.h"
#include "lib/Transforms/Kernels/IndexCheck.h"
#include "lib/Transforms/Kernels/RowOperations.h"
#include "lib/Transforms/Kernels/VectorRows.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace bitpipe;

TableRow bitpipe::tableRow(RowEmitter &e, Value ids, ValueRange at, int64_t rows) {
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
  return {row, arith::SelectOp::create(b, loc, inside, wrapped, e.index(0)), inside};
}

void bitpipe::checkId(RowEmitter &e, pipe::GatherOp op, ValueRange at) {
  Value ids = op.getInputs()[1];
  int64_t rows = cast<MemRefType>(op.getInputs()[0].getType()).getDimSize(0);
  IndexSite site{"index", std::to_string(-rows) + " to " + std::to_string(rows - 1), ids};
  TableRow row = tableRow(e, ids, at, rows);
  recordUnless(e.builder(), op, site, row.inside, row.id, at);
}

static SmallVector<Value> join(ValueRange a, ValueRange b) {
  SmallVector<Value> all(a);
  llvm::append_range(all, b);
  return all;
}

/// Calls `body` for the id at `at` with the place of every row, or element, of the table
/// and the place among the gathered ones that belongs to it.
static void forGathered(RowEmitter &e, Value table, Value ids, ValueRange at,
                        function_ref<void(ValueRange, ValueRange)> body) {
  auto type = cast<MemRefType>(table.getType());
  ArrayRef<int64_t> inner = type.getShape().drop_front();
  Value row = tableRow(e, ids, at, type.getDimSize(0)).row;
  e.forRows(inner.empty() ? inner : inner.drop_back(), [&](ValueRange within) {
    body(join(row, within), join(at, within));
  });
}

static ArrayRef<int64_t> shapeOf(Value buffer) {
  return cast<MemRefType>(buffer.getType()).getShape();
}

RowAccess bitpipe::rowAccess(pipe::GatherOp op) {
  Value table = op.getInputs()[0], y = op.getInits()[0];
  Type element = cast<MemRefType>(table.getType()).getElementType();
  // Rows of one type are copied as they are.
  bool same = cast<MemRefType>(y.getType()).getElementType() == element;
  return {same ? element : computedElement(element), {table, y}};
}

void bitpipe::emitGathered(RowEmitter &e, pipe::GatherOp op, ValueRange at) {
  Value table = op.getInputs()[0], ids = op.getInputs()[1], y = op.getInits()[0];
  auto type = cast<MemRefType>(table.getType());
  forGathered(e, table, ids, at, [&](ValueRange from, ValueRange to) {
    if (type.getRank() == 1) {
      e.storeScalar(e.loadScalar(table, from), y, to);
      return;
    }
    e.forColumns(e.index(type.getShape().back()), [&](Lanes lanes) {
      e.store(e.load(table, from, lanes), y, to, lanes);
    });
  });
}

// The first id without a row goes on record, whoever has followed it. The gradient
// follows the same ids again and need not look.

void bitpipe::emitLoops(OpBuilder &builder, pipe::GatherOp op) {
  Value ids = op.getInputs()[1];
  auto [element, buffers] = rowAccess(op);
  VectorRows e(builder, op.getLoc(), element, buffers);
  e.forDividedRows(op, shapeOf(ids), [&](ValueRange at) { emitGathered(e, op, at); });
  emitFinish(builder, op, [&] {
    e.forRows(shapeOf(ids), [&](ValueRange at) { checkId(e, op, at); });
  });
}

// Two ids may name one row, so that columns are divided, and not the ids.

void bitpipe::emitLoops(OpBuilder &builder, pipe::GatherGradOp op) {
  Value dy = op.getInputs()[0], ids = op.getInputs()[1], dtable = op.getInits()[0];
  auto type = cast<MemRefType>(dtable.getType());
  VectorRows e(builder, op.getLoc(), type.getElementType(), {dy, dtable});
  Interval columns;
  if (type.getRank() > 1)
    columns = e.dividedColumns(op, type.getShape().back());
  auto addRow = [&](ValueRange to, ValueRange from) {
    if (type.getRank() == 1) {
      Value sum = e.add(e.loadScalar(dtable, to), e.loadScalar(dy, from));
      e.storeScalar(sum, dtable, to);
      return;
    }
    e.forColumns(columns, [&](Lanes lanes) {
      Value sum = e.add(e.load(dtable, to, lanes), e.load(dy, from, lanes));
      e.store(sum, dtable, to, lanes);
    });
  };
  e.forRows(shapeOf(ids), [&](ValueRange at) {
    forGathered(e, dtable, ids, at, addRow);
  });
}
