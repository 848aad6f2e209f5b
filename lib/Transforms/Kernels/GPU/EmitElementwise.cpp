//===- EmitElementwise.cpp - A vector of points per thread -----------------===//

#include "lib/Transforms/Kernels/GPU/EmitNest.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace bitpipe;
using namespace bitpipe::grid;
using grid::Values;

/// The nest of the copy of an operation in a launch: the same, on its operands.
static LoopNest rebuilt(linalg::LinalgOp op) { return *buildLoopNest(op); }

static void emitPoint(NestThread &thread, const Values &at) {
  thread.store(at, thread.compute(at, thread.load(at)));
}

/// `inner` becomes the last of the loops, so that neighbouring threads walk it.
static SmallVector<unsigned> withInnerLast(const LoopNest &nest, unsigned inner) {
  SmallVector<unsigned> levels;
  for (unsigned level = 0; level < nest.sizes.size(); ++level)
    if (level != inner)
      levels.push_back(level);
  levels.push_back(inner);
  return levels;
}

void grid::emitElementwise(LaunchWriter &writer, linalg::LinalgOp op, const LoopNest &nest,
                           unsigned inner) {
  Along along{inner, widthAlong(op, nest, inner)};
  if (nest.sizes[inner] < along.width)
    along.width = 1;
  SmallVector<unsigned> levels = withInnerLast(nest, inner);
  int64_t count = ShapedType::getNumElements(sizesOf(nest, levels, along));
  linalg::LinalgOp here = writer.begin(op, blocksFor(count, usualBlock), usualBlock);
  LoopNest own = rebuilt(here);
  NestThread vectors(writer, here, own, along), single(writer, here, own, {inner, 1});
  Value number = writer.globalThread();
  writer.when(writer.less(number, writer.index(count)), [&] {
    Values at(own.sizes.size());
    placeAt(writer, own, levels, along, number, at);
    int64_t size = own.sizes[inner], rest = size % along.width;
    if (rest == 0)
      return emitPoint(vectors, at);
    Value whole = writer.less(at[inner], writer.index(size - rest));
    auto branch = scf::IfOp::create(writer.builder(), writer.location(), whole, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(writer.builder());
    writer.builder().setInsertionPoint(branch.thenYield());
    emitPoint(vectors, at);
    writer.builder().setInsertionPoint(branch.elseYield());
    writer.forLoop(at[inner], writer.index(size), 1, {}, [&](Value step, Values) {
      Values next(at);
      next[inner] = step;
      emitPoint(single, next);
      return Values();
    });
  });
  writer.end();
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

namespace {

/// A tile is as wide as a warp both ways. A block of 8 warps reads rows of it along the
/// one loop and walks it along the other; a column more keeps threads that go down a
/// column of it out of each other's way.
class Tiles {
public:
  static constexpr int64_t side = warp, rows = 8;

  Tiles(LaunchWriter &writer, linalg::LinalgOp op, unsigned inner, unsigned outer)
      : writer(writer), nest(rebuilt(op)), thread(writer, op, nest, {inner, 1}), inner(inner), outer(outer),
        tiles(nest.accesses.size()) {}

  void emit() {
    place();
    for (unsigned k = 0; k < nest.accesses.size(); ++k)
      if (isTiled(k))
        read(k);
    writer.barrier();
    forRows(outer, inner, [&](const Values &at, Value row, Value column) {
      Values given(nest.accesses.size());
      for (unsigned k = 0; k < nest.accesses.size(); ++k)
        if (isTiled(k))
          given[k] = fromTile(k, column, row);
      thread.store(at, thread.compute(at, thread.load(at, given)));
    });
  }

  static int64_t blocks(const LoopNest &nest, unsigned inner, unsigned outer) {
    return ShapedType::getNumElements(tileCounts(nest, inner, outer));
  }

private:
  /// How many tiles, or steps of other loops, there are each way.
  static SmallVector<int64_t> tileCounts(const LoopNest &nest, unsigned inner, unsigned outer) {
    SmallVector<int64_t> counts(nest.sizes);
    counts[inner] = llvm::divideCeil(counts[inner], side);
    counts[outer] = llvm::divideCeil(counts[outer], side);
    return counts;
  }

  bool isTiled(unsigned k) const { return grid::isTiled(nest.accesses[k], inner, outer); }

  void place() {
    corner = writer.takeApart(writer.block(), tileCounts(nest, inner, outer));
    for (unsigned level : {inner, outer})
      corner[level] = writer.mul(corner[level], side);
    x = writer.remainder(writer.thread(), side);
    y = writer.quotient(writer.thread(), side);
  }

  /// The steps of a tile that this thread does: `x` along the loop `across`, every
  /// eighth one along `down`.
  void forRows(unsigned down, unsigned across,
               function_ref<void(const Values &, Value row, Value column)> body) {
    for (int64_t first = 0; first < side; first += rows) {
      Values at = corner;
      Value row = writer.add(y, writer.index(first));
      at[down] = writer.add(corner[down], row);
      at[across] = writer.add(corner[across], x);
      Value inside = arith::AndIOp::create(writer.builder(), writer.location(),
                                           writer.less(at[down], writer.index(nest.sizes[down])),
                                           writer.less(at[across], writer.index(nest.sizes[across])));
      writer.when(inside, [&] { body(at, row, x); });
    }
  }

  /// Truth values lie in a tile as bytes.
  void read(unsigned k) {
    OpBuilder &b = writer.builder();
    Type element = nest.accesses[k].element();
    bool truth = element.isInteger(1);
    tiles[k] = writer.shared({side, side + 1}, truth ? Type(b.getI8Type()) : element);
    forRows(inner, outer, [&](const Values &at, Value row, Value column) {
      Value value = thread.load(k, at);
      if (truth)
        value = arith::ExtUIOp::create(b, writer.location(), b.getI8Type(), value);
      memref::StoreOp::create(b, writer.location(), value, tiles[k], ValueRange{row, column});
    });
  }

  Value fromTile(unsigned k, Value row, Value column) {
    OpBuilder &b = writer.builder();
    Value value = memref::LoadOp::create(b, writer.location(), tiles[k], ValueRange{row, column});
    if (!nest.accesses[k].element().isInteger(1))
      return value;
    return arith::TruncIOp::create(b, writer.location(), b.getI1Type(), value);
  }

  LaunchWriter &writer;
  LoopNest nest;
  NestThread thread;
  unsigned inner, outer;
  Values tiles, corner;
  Value x, y;
};

} // namespace

bool grid::isTiled(const Access &access, unsigned inner, unsigned outer) {
  return !access.output && inner != outer && access.strides[outer] == 1 && std::abs(access.strides[inner]) > 1;
}

int64_t grid::tileBytes(Type element) {
  return Tiles::side * (Tiles::side + 1) * llvm::divideCeil(element.getIntOrFloatBitWidth(), 8);
}

void grid::emitTiles(LaunchWriter &writer, linalg::LinalgOp op, const LoopNest &nest,
                     unsigned inner, unsigned outer) {
  linalg::LinalgOp here = writer.begin(op, Tiles::blocks(nest, inner, outer), Tiles::side * Tiles::rows);
  Tiles(writer, here, inner, outer).emit();
  writer.end();
}
