//===- LayerNorm.cpp - Loops of layer normalisation and its gradients ------===//
//
// Mean and variance take two passes over a row that lies in the nearest cache,
// which is as sound as Welford's update and needs no divisions. The gradient
// of weight and bias runs down the columns: several rows are added at a time,
// so that the sums are loaded and stored once for all of them.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Kernels/ComputeToLoops.h"
#include "lib/Transforms/Kernels/RowOperations.h"
#include "lib/Transforms/Kernels/VectorRows.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace bitpipe;
using Kind = RowEmitter::Kind;
using Terms = RowEmitter::Terms;

static Value loadScalar(RowEmitter &e, Value buffer, ValueRange at) {
  return memref::LoadOp::create(e.builder(), e.location(), buffer, at);
}

RowAccess bitpipe::rowAccess(pipe::LayerNormOp op) {
  auto inputs = op.getInputs();
  return accessOf({inputs[0], inputs[1], inputs[2], op.getInits()[0]});
}

void bitpipe::emitRows(RowEmitter &e, pipe::LayerNormOp op) {
  Value x = op.getInputs()[0], weight = op.getInputs()[1], bias = op.getInputs()[2];
  Value y = op.getInits()[0], mean = op.getInits()[1], rstd = op.getInits()[2];
  auto type = cast<MemRefType>(x.getType());
  int64_t columns = type.getShape().back();
  Value end = e.index(columns), share = e.number(1.0 / columns);
  Value epsilon = e.number(op.getEpsilon().convertToDouble());
  e.forDividedRows(op, type.getShape().drop_back(), [&](ValueRange row) {
    Value sum = e.reduceColumns(end, {Kind::ADD}, [&](Lanes lanes) {
      return Terms{e.load(x, row, lanes)};
    })[0];
    Value m = e.mul(sum, share);
    Value squares = e.reduceColumns(end, {Kind::ADD}, [&](Lanes lanes) {
      Value centred = e.sub(e.load(x, row, lanes), m);
      return Terms{e.mul(centred, centred)};
    })[0];
    Value deviation = e.sqrt(e.add(e.mul(squares, share), epsilon));
    Value r = e.div(e.number(1), deviation);
    e.onceForRow([&] {
      memref::StoreOp::create(e.builder(), e.location(), m, mean, row);
      memref::StoreOp::create(e.builder(), e.location(), r, rstd, row);
    });
    e.forColumns(end, [&](Lanes lanes) {
      Value normal = e.mul(e.sub(e.load(x, row, lanes), m), r);
      Value scaled = e.mul(normal, e.load(weight, {}, lanes));
      e.store(e.add(scaled, e.load(bias, {}, lanes)), y, row, lanes);
    });
  });
}

RowAccess bitpipe::rowAccess(pipe::LayerNormGradInputOp op) {
  auto inputs = op.getInputs();
  return accessOf({inputs[0], inputs[1], inputs[2], op.getInits()[0]});
}

void bitpipe::emitRows(RowEmitter &e, pipe::LayerNormGradInputOp op) {
  auto inputs = op.getInputs();
  Value dy = inputs[0], x = inputs[1], weight = inputs[2];
  Value mean = inputs[3], rstd = inputs[4], dx = op.getInits()[0];
  auto type = cast<MemRefType>(dy.getType());
  int64_t columns = type.getShape().back();
  Value end = e.index(columns), share = e.number(1.0 / columns);
  e.forDividedRows(op, type.getShape().drop_back(), [&](ValueRange row) {
    Value m = loadScalar(e, mean, row), r = loadScalar(e, rstd, row);
    auto terms = [&](Lanes lanes) {
      Value g = e.mul(e.load(dy, row, lanes), e.load(weight, {}, lanes));
      Value normal = e.mul(e.sub(e.load(x, row, lanes), m), r);
      return Terms{g, normal};
    };
    Terms sums = e.reduceColumns(end, {Kind::ADD, Kind::ADD}, [&](Lanes lanes) {
      Terms t = terms(lanes);
      return Terms{t[0], e.mul(t[0], t[1])};
    });
    Value plain = e.mul(sums[0], share), along = e.mul(sums[1], share);
    e.forColumns(end, [&](Lanes lanes) {
      Terms t = terms(lanes);
      Value rest = e.sub(e.sub(t[0], plain), e.mul(t[1], along));
      e.store(e.mul(rest, r), dx, row, lanes);
    });
  });
}

/// Adds `columns` of the rows `first`, `first` + 1, ... (`count` of them) below `outer`
/// to the two sums.
static void addRows(VectorRows &e, pipe::LayerNormGradParamsOp op,
                    ValueRange outer, Value first, int64_t count, Interval columns) {
  auto inputs = op.getInputs();
  Value dy = inputs[0], x = inputs[1], mean = inputs[2], rstd = inputs[3];
  Value dweight = op.getInits()[0], dbias = op.getInits()[1];
  SmallVector<SmallVector<Value>> rows;
  SmallVector<Value> means, rstds;
  for (int64_t i = 0; i < count; ++i) {
    SmallVector<Value> row(outer);
    if (first)
      row.push_back(arith::AddIOp::create(e.builder(), e.location(), first, e.index(i)));
    means.push_back(loadScalar(e, mean, row));
    rstds.push_back(loadScalar(e, rstd, row));
    rows.push_back(row);
  }
  e.forColumns(columns, [&](Lanes lanes) {
    Value w = e.load(dweight, {}, lanes), b = e.load(dbias, {}, lanes);
    for (auto [row, m, r] : llvm::zip_equal(rows, means, rstds)) {
      Value g = e.load(dy, row, lanes);
      Value normal = e.mul(e.sub(e.load(x, row, lanes), m), r);
      w = e.add(w, e.mul(g, normal));
      b = e.add(b, g);
    }
    e.store(w, dweight, {}, lanes);
    e.store(b, dbias, {}, lanes);
  });
}

void bitpipe::emitLoops(OpBuilder &builder, pipe::LayerNormGradParamsOp op) {
  Value dy = op.getInputs()[0], x = op.getInputs()[1];
  auto type = cast<MemRefType>(dy.getType());
  VectorRows e(builder, op.getLoc(), computedElement(type.getElementType()),
               {dy, x, op.getInits()[0], op.getInits()[1]});
  ArrayRef<int64_t> shape = type.getShape();
  Interval columns = e.dividedColumns(op, shape.back());
  if (shape.size() == 1)
    return addRows(e, op, {}, Value(), 1, columns);
  constexpr int64_t together = 8;
  int64_t rows = shape[shape.size() - 2], whole = rows - rows % together;
  e.forRows(shape.drop_back(2), [&](ValueRange outer) {
    auto walk = [&](int64_t begin, int64_t end, int64_t step) {
      Interval part = rangeOf(builder, op.getLoc(), begin, end);
      walkRange(builder, op.getLoc(), part, step, [&](Value first) {
        addRows(e, op, outer, first, step, columns);
      });
    };
    walk(0, whole, together);
    walk(whole, rows, 1);
  });
}
