//===- VectorRows.cpp - Rows in vectors of one thread ----------------------===//
//
// Vectors are 64 bytes whatever the target: where registers are shorter, LLVM
// splits a vector into several, which then hide each other's latency.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Kernels/VectorRows.h"
#include "lib/Transforms/Kernels/Divide.h"
#include "lib/Transforms/Kernels/FastMath.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace bitpipe;

/// Accumulators per reduction: an addition takes as long as this many may begin.
constexpr unsigned reductionWays = 4;

VectorRows::VectorRows(OpBuilder &builder, Location loc, Type element, ValueRange accessed)
    : RowEmitter(builder, loc, element, accessed, 512 / element.getIntOrFloatBitWidth()) {}

/// Where outer dimensions have rows enough together, only those are divided: an index
/// of them is taken apart once for many rows.
void VectorRows::forDividedRows(Operation *op, ArrayRef<int64_t> shape, RowBody body) {
  int64_t outer = 1;
  unsigned dims = 0;
  for (; dims < shape.size() && outer < enoughUnits; ++dims)
    outer *= shape[dims];
  walkRange(b, loc, divide(b, op, outer, 1), 1, [&](Value at) {
    SmallVector<Value> place(dims, index(0));
    for (unsigned d = dims; d-- > 0;) {
      outer /= std::max<int64_t>(shape[d], 1);
      if (shape[d] == 1)
        continue;
      place[d] = outer == 1 ? at : arith::RemUIOp::create(b, loc, at, index(shape[d])).getResult();
      if (outer > 1)
        at = arith::DivUIOp::create(b, loc, at, index(shape[d]));
    }
    forRows(shape.drop_front(dims), [&](ValueRange inner) {
      SmallVector<Value> row(place);
      llvm::append_range(row, inner);
      body(row);
    });
  });
}

Interval VectorRows::dividedColumns(Operation *op, int64_t columns) {
  constexpr int64_t line = 16; // elements of four bytes
  return divide(b, op, columns, std::max(width, line));
}

void VectorRows::forColumns(Value end, function_ref<void(Lanes)> body) {
  forColumns(upTo(b, loc, end), body);
}

void VectorRows::forColumns(Interval range, function_ref<void(Lanes)> body) {
  walkLanes(b, loc, width, /*ways=*/1, range, {}, [&](Lanes lanes, Terms) {
    body(lanes);
    return Terms();
  });
}

void VectorRows::forEachColumn(Value begin, Value end, function_ref<void(Value)> body) {
  auto loop = scf::ForOp::create(b, loc, begin, end, index(1));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVar());
}

VectorRows::Terms
VectorRows::reduceColumns(Value end, ArrayRef<Kind> kinds,
                          function_ref<Terms(Lanes)> body) {
  Terms state;
  for (unsigned way = 0; way < reductionWays; ++way)
    for (Kind kind : kinds)
      state.push_back(neutral(kind));
  state = walkLanes(b, loc, width, reductionWays, upTo(b, loc, end), state, [&](Lanes lanes, Terms sofar) {
    for (auto [i, term] : llvm::enumerate(body(lanes))) {
      if (lanes.mask)
        term = arith::SelectOp::create(b, loc, lanes.mask, term, neutral(kinds[i]));
      Value &acc = sofar[lanes.way * kinds.size() + i];
      acc = combine(kinds[i], acc, term);
    }
    return sofar;
  });
  Terms results;
  for (auto [i, kind] : llvm::enumerate(kinds)) {
    Value result = state[i];
    for (unsigned way = 1; way < reductionWays; ++way)
      result = combine(kind, result, state[way * kinds.size() + i]);
    if (width > 1)
      result = vector::ReductionOp::create(b, loc, kind, result, fastMathFlags);
    results.push_back(result);
  }
  return results;
}
