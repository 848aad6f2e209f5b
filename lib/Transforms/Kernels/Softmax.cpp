//===- Softmax.cpp - Loops of softmax and its gradient ---------------------===//
//
// A row is read three times while it lies in the nearest cache: for its
// maximum, for the exponentials and their sum, and to scale them. Where the result
// is bf16 the exponentials are computed again instead of being rounded twice.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Kernels/RowOperations.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace bitpipe;
using Kind = RowEmitter::Kind;

/// The number of columns that take part in a row: with `causal`, those up to
/// row + columns - rows, which may be none.
static Value participants(RowEmitter &e, pipe::SoftmaxOp op, MemRefType type,
                          ValueRange row) {
  int64_t columns = type.getShape().back();
  if (!op.getCausal() || row.empty())
    return e.index(columns);
  int64_t ahead = columns - type.getDimSize(type.getRank() - 2) + 1;
  Value end = arith::AddIOp::create(e.builder(), e.location(), row.back(),
                                    e.index(ahead));
  return arith::MaxSIOp::create(e.builder(), e.location(), end, e.index(0));
}

/// Zeroes the columns of a row from `begin` on.
static void clearFrom(RowEmitter &e, Value begin, Value buffer, ValueRange row,
                      int64_t columns) {
  e.forEachColumn(begin, e.index(columns), [&](Value column) {
    SmallVector<Value> at(row);
    at.push_back(column);
    e.storeScalar(e.number(0), buffer, at);
  });
}

RowAccess bitpipe::rowAccess(pipe::SoftmaxOp op) {
  return accessOf({op.getInputs()[0], op.getInits()[0]});
}

void bitpipe::emitRows(RowEmitter &e, pipe::SoftmaxOp op) {
  Value x = op.getInputs()[0], y = op.getInits()[0];
  auto type = cast<MemRefType>(x.getType());
  Value scale = e.number(op.getScale().convertToDouble());
  bool keeps = !cast<MemRefType>(y.getType()).getElementType().isBF16();
  e.forDividedRows(op, type.getShape().drop_back(), [&](ValueRange row) {
    Value end = participants(e, op, type, row);
    Value max = e.reduceColumns(end, {Kind::MAXIMUMF}, [&](Lanes lanes) {
      return RowEmitter::Terms{e.mul(e.load(x, row, lanes), scale)};
    })[0];
    // Subtracting an infinite maximum would make NaNs of a masked row.
    Value shift = e.replace(max, -INFINITY, 0);
    auto power = [&](Lanes lanes) {
      return e.exp(e.sub(e.mul(e.load(x, row, lanes), scale), shift));
    };
    Value sum = e.reduceColumns(end, {Kind::ADD}, [&](Lanes lanes) {
      Value term = power(lanes);
      if (keeps)
        e.store(term, y, row, lanes);
      return RowEmitter::Terms{term};
    })[0];
    Value inverse = e.div(e.number(1), e.replace(sum, 0, 1));
    e.forColumns(end, [&](Lanes lanes) {
      Value kept = keeps ? e.load(y, row, lanes) : power(lanes);
      e.store(e.mul(kept, inverse), y, row, lanes);
    });
    if (op.getCausal())
      clearFrom(e, end, y, row, type.getShape().back());
  });
}

RowAccess bitpipe::rowAccess(pipe::SoftmaxGradOp op) {
  return accessOf({op.getInputs()[0], op.getInputs()[1], op.getInits()[0]});
}

void bitpipe::emitRows(RowEmitter &e, pipe::SoftmaxGradOp op) {
  Value dy = op.getInputs()[0], y = op.getInputs()[1], dx = op.getInits()[0];
  auto type = cast<MemRefType>(dy.getType());
  Value scale = e.number(op.getScale().convertToDouble());
  Value end = e.index(type.getShape().back());
  e.forDividedRows(op, type.getShape().drop_back(), [&](ValueRange row) {
    Value dot = e.reduceColumns(end, {Kind::ADD}, [&](Lanes lanes) {
      return RowEmitter::Terms{e.mul(e.load(dy, row, lanes), e.load(y, row, lanes))};
    })[0];
    e.forColumns(end, [&](Lanes lanes) {
      Value centred = e.sub(e.load(dy, row, lanes), dot);
      e.store(e.mul(e.mul(e.load(y, row, lanes), scale), centred), dx, row, lanes);
    });
  });
}
