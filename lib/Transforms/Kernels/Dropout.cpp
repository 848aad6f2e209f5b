//===- Dropout.cpp - Loops of dropout --------------------------------------===//
//
// Every element hashes its own position with the key (the formula stands with
// the operation), so that lanes need nothing of each other and any order of
// elements gives the same mask.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Kernels/RowOperations.h"
#include "lib/Transforms/Kernels/VectorBody.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

#include <cmath>
#include <numeric>

using namespace mlir;
using namespace bitpipe;

namespace {

/// Arithmetic on vectors of i32 or, for a width of 1, on one.
class Words {
public:
  Words(OpBuilder &b, Location loc, int64_t width)
      : b(b), loc(loc), width(width) {}

  Value number(uint32_t value) {
    return spread(arith::ConstantIntOp::create(b, loc, b.getI32Type(), int32_t(value)));
  }
  Value spread(Value scalar) {
    return width == 1 ? scalar : bitpipe::spread(b, loc, scalar, width);
  }
  /// first, first + 1, ...
  Value from(Value first) {
    if (width == 1)
      return first;
    SmallVector<int32_t> lanes(width);
    std::iota(lanes.begin(), lanes.end(), 0);
    Value offsets = arith::ConstantOp::create(b, loc, b.getI32VectorAttr(lanes));
    return arith::AddIOp::create(b, loc, spread(first), offsets);
  }
  Value mix(Value h) {
    h = arith::MulIOp::create(b, loc, shifted(h, 16), number(0x85ebca6bu));
    h = arith::MulIOp::create(b, loc, shifted(h, 13), number(0xc2b2ae35u));
    return shifted(h, 16);
  }

private:
  Value shifted(Value h, uint32_t bits) {
    Value low = arith::ShRUIOp::create(b, loc, h, number(bits));
    return arith::XOrIOp::create(b, loc, h, low);
  }

  OpBuilder &b;
  Location loc;
  int64_t width;
};

} // namespace

/// The low and the high half of the key.
static std::pair<Value, Value> halves(OpBuilder &b, Location loc, Value buffer) {
  Value key = memref::LoadOp::create(b, loc, buffer);
  Value bits = arith::ConstantIntOp::create(b, loc, b.getI64Type(), 32);
  auto truncated = [&](Value v) {
    return arith::TruncIOp::create(b, loc, b.getI32Type(), v);
  };
  return {truncated(key), truncated(arith::ShRUIOp::create(b, loc, key, bits))};
}

/// The position of a row's first element, row-major.
static Value firstOf(RowEmitter &e, ArrayRef<int64_t> shape, ValueRange row) {
  Value position = e.index(0);
  for (auto [size, index] : llvm::zip(shape, row)) {
    position = arith::MulIOp::create(e.builder(), e.location(), position, e.index(size));
    position = arith::AddIOp::create(e.builder(), e.location(), position, index);
  }
  return arith::MulIOp::create(e.builder(), e.location(), position, e.index(shape.back()));
}

RowAccess bitpipe::rowAccess(pipe::DropoutOp op) {
  return accessOf({op.getInputs()[0], op.getInits()[0]});
}

void bitpipe::emitRows(RowEmitter &e, pipe::DropoutOp op) {
  OpBuilder &b = e.builder();
  Location loc = op.getLoc();
  Value x = op.getInputs()[0], y = op.getInits()[0];
  auto type = cast<MemRefType>(x.getType());
  double ratio = op.getRatio().convertToDouble();
  // A ratio next to 1 must not round to one.
  uint32_t threshold = std::min(std::round(ratio * 0x1p32), 0x1p32 - 1);
  auto [low, high] = halves(b, loc, op.getInputs()[1]);
  e.forDividedRows(op, type.getShape().drop_back(), [&, low = low, high = high](ValueRange row) {
    Value first = firstOf(e, type.getShape(), row);
    e.forColumns(e.index(type.getShape().back()), [&](Lanes lanes) {
      Value values = e.load(x, row, lanes);
      auto vector = dyn_cast<VectorType>(values.getType());
      int64_t width = vector ? vector.getDimSize(0) : 1;
      Words words(b, loc, width);
      Value place = arith::AddIOp::create(b, loc, first, lanes.first);
      place = arith::IndexCastOp::create(b, loc, b.getI32Type(), place);
      Value start = arith::AddIOp::create(b, loc, place, low);
      Value hash = words.mix(words.from(start));
      hash = words.mix(arith::XOrIOp::create(b, loc, hash, words.spread(high)));
      Value stays = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::uge, hash,
                                          words.number(threshold));
      Value mask = arith::SelectOp::create(
          b, loc, stays, words.spread(e.number(1 / (1 - ratio))),
          words.spread(e.number(0)));
      // A product, so that what is no number stays none.
      e.store(e.mul(values, mask), y, row, lanes);
    });
  });
}
