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

#include <numeric>

using namespace mlir;
using namespace bitpipe;

static Value index(OpBuilder &b, Location loc, int64_t value) {
  return arith::ConstantIndexOp::create(b, loc, value);
}

/// The largest multiple of `unit` that is not above the end of `range`.
static Value multipleBelow(OpBuilder &b, Location loc, Interval range, int64_t unit) {
  Value end = range.end;
  if (range.factor % unit == 0)
    return end;
  if (std::optional<int64_t> count = getConstantIntValue(end))
    return index(b, loc, *count - *count % unit);
  Value rest = arith::RemUIOp::create(b, loc, end, index(b, loc, unit));
  return arith::SubIOp::create(b, loc, end, rest);
}

static bool isEmpty(Value begin, Value end) {
  std::optional<int64_t> first = getConstantIntValue(begin);
  return begin == end || (first && first == getConstantIntValue(end));
}

/// A loop from `begin` to `end` whose iterations take `ways` vectors each, or a
/// masked one.
static Values walk(OpBuilder &b, Location loc, int64_t width, unsigned ways,
                   bool masked, Value begin, Value end, Values carried,
                   function_ref<Values(Lanes, Values)> body) {
  if (isEmpty(begin, end))
    return carried;
  Value step = index(b, loc, width * ways);
  auto loop = scf::ForOp::create(b, loc, begin, end, step, carried);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Values next(loop.getRegionIterArgs());
  for (unsigned way = 0; way < ways; ++way) {
    Lanes lanes{loop.getInductionVar(), Value(), way};
    if (way > 0)
      lanes.first = arith::AddIOp::create(b, loc, lanes.first, index(b, loc, way * width));
    if (masked) {
      Value left = arith::SubIOp::create(b, loc, end, lanes.first);
      auto type = VectorType::get({width}, b.getI1Type());
      lanes.mask = vector::CreateMaskOp::create(b, loc, type, left);
    }
    next = body(lanes, next);
  }
  if (!carried.empty())
    scf::YieldOp::create(b, loc, next);
  return Values(loop.getResults());
}

Values bitpipe::walkLanes(OpBuilder &b, Location loc, int64_t width,
                          unsigned ways, Interval range, Values carried,
                          function_ref<Values(Lanes, Values)> body) {
  Value begin = range.begin;
  if (ways > 1) {
    Value several = multipleBelow(b, loc, range, width * ways);
    carried = walk(b, loc, width, ways, /*masked=*/false, begin, several, carried, body);
    begin = several;
  }
  Value whole = multipleBelow(b, loc, range, width);
  carried = walk(b, loc, width, 1, /*masked=*/false, begin, whole, carried, body);
  return walk(b, loc, width, 1, /*masked=*/true, whole, range.end, carried, body);
}

void bitpipe::walkRange(OpBuilder &b, Location loc, Interval range, int64_t step,
                        function_ref<void(Value)> body) {
  if (isEmpty(range.begin, range.end))
    return;
  auto loop = scf::ForOp::create(b, loc, range.begin, range.end, index(b, loc, step));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVar());
}

Interval bitpipe::rangeOf(OpBuilder &b, Location loc, int64_t begin, int64_t end) {
  return {index(b, loc, begin), index(b, loc, end), std::gcd(begin, end)};
}

Interval bitpipe::upTo(OpBuilder &b, Location loc, Value end) {
  return {index(b, loc, 0), end, getConstantIntValue(end).value_or(1)};
}

Interval bitpipe::before(OpBuilder &b, Location loc, Interval range, int64_t middle) {
  std::optional<int64_t> end = getConstantIntValue(range.end);
  range.end = end ? index(b, loc, std::min(*end, middle))
                  : arith::MinSIOp::create(b, loc, range.end, index(b, loc, middle));
  range.factor = std::gcd(range.factor, middle);
  return range;
}

Interval bitpipe::from(OpBuilder &b, Location loc, Interval range, int64_t middle) {
  std::optional<int64_t> begin = getConstantIntValue(range.begin);
  range.begin = begin ? index(b, loc, std::max(*begin, middle))
                      : arith::MaxSIOp::create(b, loc, range.begin, index(b, loc, middle));
  range.factor = std::gcd(range.factor, middle);
  return range;
}
