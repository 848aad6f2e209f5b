//===- Lanes.cpp - Walking a dimension in vectors --------------------------===//
//
// Where the number of elements is known and a multiple of the vector's width,
// which is the usual case, nothing is emitted for the rest.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Kernels/Lanes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace bitpipe;

static Value index(OpBuilder &b, Location loc, int64_t value) {
  return arith::ConstantIndexOp::create(b, loc, value);
}

static Values walk(OpBuilder &b, Location loc, int64_t width, Value begin,
                   Value end, bool masked, Values carried,
                   function_ref<Values(Lanes, Values)> body) {
  auto loop = scf::ForOp::create(b, loc, begin, end, index(b, loc, width), carried);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Lanes lanes{loop.getInductionVar(), Value()};
  if (masked) {
    Value left = arith::SubIOp::create(b, loc, end, lanes.first);
    auto type = VectorType::get({width}, b.getI1Type());
    lanes.mask = vector::CreateMaskOp::create(b, loc, type, left);
  }
  Values next = body(lanes, Values(loop.getRegionIterArgs()));
  if (!carried.empty())
    scf::YieldOp::create(b, loc, next);
  return Values(loop.getResults());
}

Values bitpipe::walkLanes(OpBuilder &b, Location loc, int64_t width, Value end,
                          Values carried,
                          function_ref<Values(Lanes, Values)> body) {
  std::optional<int64_t> count = getConstantIntValue(end);
  Value zero = index(b, loc, 0);
  if (width == 1 || (count && *count % width == 0))
    return walk(b, loc, width, zero, end, /*masked=*/false, carried, body);
  Value whole = end;
  if (count) {
    whole = index(b, loc, *count - *count % width);
  } else {
    Value rest = arith::RemUIOp::create(b, loc, end, index(b, loc, width));
    whole = arith::SubIOp::create(b, loc, end, rest);
  }
  if (!count || *count >= width)
    carried = walk(b, loc, width, zero, whole, /*masked=*/false, carried, body);
  return walk(b, loc, width, whole, end, /*masked=*/true, carried, body);
}

void bitpipe::walkRange(OpBuilder &b, Location loc, int64_t begin, int64_t end,
                        int64_t step, function_ref<void(Value)> body) {
  if (begin >= end)
    return;
  auto loop = scf::ForOp::create(b, loc, index(b, loc, begin), index(b, loc, end),
                                 index(b, loc, step));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVar());
}
