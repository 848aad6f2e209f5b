//===- NestEmitter.cpp - Vector code for a loop nest -----------------------===//
//
// One rule for every operation: a nest of scalar loops around one vector loop.
// An output that does not move along the innermost loop is kept in a register
// there. Where the rows around it share memory (a sum down the columns, a
// transposition), several are walked at once.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Kernels/NestEmitter.h"
#include "lib/Transforms/Kernels/Divide.h"
#include "lib/Transforms/Kernels/FastMath.h"
#include "lib/Transforms/Kernels/FlatBuffer.h"
#include "lib/Transforms/Kernels/RowLoops.h"
#include "lib/Transforms/Kernels/VectorBody.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace bitpipe;

namespace {

/// Rows that are walked together where they share memory.
constexpr int64_t jammedRows = 8;

/// Where the innermost loop runs: the first element of every operand, and the
/// value of every dimension walked so far.
struct Row {
  Values starts;
  Values indices;
};

class NestEmitter {
public:
  NestEmitter(OpBuilder &b, linalg::LinalgOp op, const LoopNest &nest);
  void emit();

private:
  bool canUseVectors();
  bool isJammed(unsigned level) const {
    return level + 2 == nest.sizes.size() && shareMemory(level);
  }
  int64_t unitOf(unsigned level) const;
  unsigned chooseDivided() const;
  void emitLoop(unsigned level, const Row &row);
  Row advance(const Row &row, unsigned level, Value step);
  bool shareMemory(unsigned level) const;
  void emitInnermost(ArrayRef<Row> rows);
  Values startCarried(ArrayRef<Row> rows);
  Values emitLanes(ArrayRef<Row> rows, const Values &constant, Lanes lanes,
                   Values carried);
  void finishCarried(ArrayRef<Row> rows, const Values &carried);
  Value position(const Row &row, unsigned k, Lanes lanes);
  Value laneNumbers(Lanes lanes);
  Value index(int64_t value) { return arith::ConstantIndexOp::create(b, loc, value); }

  int64_t innerStride(unsigned k) const { return nest.accesses[k].strides.back(); }
  bool isCarried(unsigned k) const {
    return nest.accesses[k].output && innerStride(k) == 0;
  }
  /// Whether the rows have one element of operand `k` in common.
  bool isShared(unsigned k, size_t rows) const {
    return rows > 1 && nest.accesses[k].strides[nest.sizes.size() - 2] == 0;
  }
  /// The place of output `k` of row `r` among the carried values.
  size_t slot(unsigned k, size_t r, size_t rows) const;
  const std::optional<Combiner> &combiner(unsigned k) const {
    return combiners[k - inputs];
  }

  OpBuilder &b;
  Location loc;
  linalg::LinalgOp op;
  unsigned inputs;
  const LoopNest &nest;
  SmallVector<FlatBuffer> buffers;
  SmallVector<std::optional<Combiner>> combiners;
  int64_t width = 1;
  // The loop of which a call does a part, and that part.
  unsigned divided = 0;
  Interval part;
};

} // namespace

NestEmitter::NestEmitter(OpBuilder &b, linalg::LinalgOp op, const LoopNest &nest)
    : b(b), loc(op.getLoc()), op(op), inputs(op.getNumDpsInputs()), nest(nest) {
  for (int64_t k = 0; k < op.getNumDpsInits(); ++k)
    combiners.push_back(matchCombiner(op, k));
  if (!canUseVectors())
    return;
  unsigned bits = 8;
  bool computes = !op.getBlock()->without_terminator().empty();
  for (const Access &access : nest.accesses) {
    // What lies in memory as bf16 is computed in f32.
    Type held = computes ? computedElement(access.element()) : access.element();
    bits = std::max(bits, held.getIntOrFloatBitWidth());
  }
  width = 512 / bits;
}

/// Vectors need operands that are contiguous or constant along the innermost
/// loop, and outputs kept in a register there that can be combined at its end.
bool NestEmitter::canUseVectors() {
  if (!isVectorizable(*op.getBlock()))
    return false;
  for (auto [k, access] : llvm::enumerate(nest.accesses)) {
    if (!access.element().isIntOrFloat() || innerStride(k) < 0 || innerStride(k) > 1)
      return false;
    if (isCarried(k) && !combiner(k))
      return false;
  }
  return nest.sizes.back() > 1;
}

void NestEmitter::emit() {
  Row first;
  for (const Access &access : nest.accesses) {
    buffers.emplace_back(b, loc, access.operand);
    first.starts.push_back(index(access.offset));
  }
  first.indices.assign(op.getNumLoops(), index(0));
  divided = chooseDivided();
  if (divided < nest.sizes.size())
    part = divide(b, op, nest.sizes[divided], unitOf(divided));
  emitLoop(0, first);
}

/// Steps of loop `level` that belong together: rows that are walked at once, vectors.
int64_t NestEmitter::unitOf(unsigned level) const {
  constexpr int64_t line = 16; // elements of four bytes
  if (level + 1 == nest.sizes.size())
    return std::max(width, line);
  return isJammed(level) ? std::min(jammedRows, nest.sizes[level]) : 1;
}

/// The outermost loop with units enough whose steps write to places of their own, or
/// the one with most; the number of loops if there is none.
unsigned NestEmitter::chooseDivided() const {
  unsigned best = nest.sizes.size();
  int64_t most = 1;
  for (unsigned level = 0; level < nest.sizes.size() && most < enoughUnits; ++level) {
    int64_t units = llvm::divideCeil(nest.sizes[level], unitOf(level));
    if (units <= most || !hasOwnResults(nest, level))
      continue;
    best = level;
    most = units;
  }
  return best;
}

/// Whether rows of loop `level` share memory that is better touched once for
/// several of them: an output is their sum, or an operand is contiguous across
/// them and scattered along them.
bool NestEmitter::shareMemory(unsigned level) const {
  return llvm::any_of(nest.accesses, [&](const Access &access) {
    bool sum = access.output && access.strides[level] == 0 && access.strides.back() != 0;
    return sum || (access.strides[level] == 1 && std::abs(access.strides.back()) > 1);
  });
}

void NestEmitter::emitLoop(unsigned level, const Row &row) {
  if (level + 1 == nest.sizes.size())
    return emitInnermost(row);
  bool jam = isJammed(level);
  int64_t size = nest.sizes[level], step = jam ? std::min(jammedRows, size) : 1;
  int64_t whole = size - size % step;
  Interval range = level == divided ? part : rangeOf(b, loc, 0, size);
  Interval inJams = whole == size ? range : before(b, loc, range, whole);
  walkRange(b, loc, inJams, step, [&](Value at) {
    if (!jam)
      return emitLoop(level + 1, advance(row, level, at));
    SmallVector<Row> rows;
    for (int64_t r = 0; r < step; ++r)
      rows.push_back(advance(row, level, arith::AddIOp::create(b, loc, at, index(r))));
    emitInnermost(rows);
  });
  if (whole < size)
    walkRange(b, loc, from(b, loc, range, whole), 1,
              [&](Value at) { emitInnermost(advance(row, level, at)); });
}

/// The row that lies `step` steps of loop `level` after the beginning of `row`.
Row NestEmitter::advance(const Row &row, unsigned level, Value step) {
  Row next = row;
  next.indices[nest.dims[level]] = step;
  for (auto [start, access] : llvm::zip_equal(next.starts, nest.accesses)) {
    if (access.strides[level] == 0)
      continue;
    Value far = arith::MulIOp::create(b, loc, step, index(access.strides[level]));
    start = arith::AddIOp::create(b, loc, start, far);
  }
  return next;
}

size_t NestEmitter::slot(unsigned k, size_t r, size_t rows) const {
  size_t place = 0;
  for (unsigned before = inputs; before < k; ++before)
    if (isCarried(before))
      place += isShared(before, rows) ? 1 : rows;
  return place + (isShared(k, rows) ? 0 : r);
}

/// What the innermost loop starts with: vectors of neutral elements, or the
/// output itself where elements are taken one by one.
Values NestEmitter::startCarried(ArrayRef<Row> rows) {
  Values carried;
  for (unsigned k = inputs; k < nest.accesses.size(); ++k) {
    for (size_t r = 0; isCarried(k) && r < (isShared(k, rows.size()) ? 1 : rows.size()); ++r) {
      Value start = width == 1
                        ? buffers[k].load(b, loc, rows[r].starts[k], Value(), 1)
                        : arith::ConstantOp::create(b, loc, combiner(k)->neutral).getResult();
      carried.push_back(spread(b, loc, start, width));
    }
  }
  return carried;
}

void NestEmitter::finishCarried(ArrayRef<Row> rows, const Values &carried) {
  for (unsigned k = inputs; k < nest.accesses.size(); ++k) {
    for (size_t r = 0; isCarried(k) && r < (isShared(k, rows.size()) ? 1 : rows.size()); ++r) {
      Value result = carried[slot(k, r, rows.size())];
      Value at = rows[r].starts[k];
      if (width > 1) {
        Value sofar = buffers[k].load(b, loc, at, Value(), 1);
        result = vector::ReductionOp::create(b, loc, combiner(k)->kind, result, sofar,
                                             fastMathFlags);
      }
      buffers[k].store(b, loc, result, at, Value(), 1);
    }
  }
}

Value NestEmitter::position(const Row &row, unsigned k, Lanes lanes) {
  Value step = lanes.first;
  if (innerStride(k) != 1)
    step = arith::MulIOp::create(b, loc, step, index(innerStride(k)));
  return arith::AddIOp::create(b, loc, row.starts[k], step);
}

/// The position of every lane along the innermost loop.
Value NestEmitter::laneNumbers(Lanes lanes) {
  if (width == 1)
    return lanes.first;
  Value first = spread(b, loc, lanes.first, width);
  Value steps = vector::StepOp::create(b, loc, cast<VectorType>(first.getType()));
  return arith::AddIOp::create(b, loc, first, steps);
}

/// The body for some lanes of all rows. `constant` holds the operands that do
/// not depend on the lane, row by row.
Values NestEmitter::emitLanes(ArrayRef<Row> rows, const Values &constant,
                              Lanes lanes, Values carried) {
  unsigned operands = nest.accesses.size();
  Values shared(operands);
  for (auto [r, row] : llvm::enumerate(rows)) {
    Values arguments, indices = row.indices;
    for (unsigned k = 0; k < operands; ++k) {
      if (isCarried(k))
        arguments.push_back(carried[slot(k, r, rows.size())]);
      else if (innerStride(k) == 0)
        arguments.push_back(constant[r * operands + k]);
      else if (shared[k])
        arguments.push_back(shared[k]);
      else
        arguments.push_back(
            buffers[k].load(b, loc, position(row, k, lanes), lanes.mask, width));
    }
    if (!op.getBlock()->getOps<linalg::IndexOp>().empty())
      indices[nest.dims.back()] = laneNumbers(lanes);
    Values results = emitBody(b, *op.getBlock(), arguments, indices, width);
    for (auto [i, result] : llvm::enumerate(results)) {
      unsigned k = inputs + i;
      result = spread(b, loc, result, width);
      if (isCarried(k)) {
        Value &acc = carried[slot(k, r, rows.size())];
        acc = lanes.mask ? arith::SelectOp::create(b, loc, lanes.mask, result, acc) : result;
        continue;
      }
      shared[k] = isShared(k, rows.size()) ? result : Value();
      if (!shared[k] || r + 1 == rows.size())
        buffers[k].store(b, loc, result, position(row, k, lanes), lanes.mask, width);
    }
  }
  return carried;
}

void NestEmitter::emitInnermost(ArrayRef<Row> rows) {
  Values constant;
  for (const Row &row : rows)
    for (unsigned k = 0; k < nest.accesses.size(); ++k)
      constant.push_back(innerStride(k) == 0 && !isCarried(k)
                             ? buffers[k].load(b, loc, row.starts[k], Value(), 1)
                             : Value());
  Interval range = divided + 1 == nest.sizes.size() ? part : rangeOf(b, loc, 0, nest.sizes.back());
  auto body = [&](Lanes lanes, Values sofar) {
    return emitLanes(rows, constant, lanes, sofar);
  };
  Values carried = walkLanes(b, loc, width, /*ways=*/1, range, startCarried(rows), body);
  finishCarried(rows, carried);
}

void bitpipe::emitNest(OpBuilder &b, linalg::LinalgOp op, const LoopNest &nest) {
  NestEmitter(b, op, nest).emit();
}
