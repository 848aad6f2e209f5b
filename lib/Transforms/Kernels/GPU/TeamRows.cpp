//===- TeamRows.cpp - Rows that threads of a GPU share ---------------------===//
//
// Loops of few steps are written out: what a thread has loaded of a row it keeps in
// registers then, and passes over the row read memory once.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Kernels/GPU/TeamRows.h"
#include "lib/Transforms/Kernels/FastMath.h"
#include "lib/Transforms/Lower/Alignment.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include <numeric>

using namespace mlir;
using namespace bitpipe;
using namespace bitpipe::grid;

/// Bytes that one instruction loads.
constexpr int64_t accessBytes = 16;
/// Vectors of a row that a thread takes at most before a row is a block's, and that
/// loops are written out for.
constexpr int64_t mostVectors = 8;
/// Threads of a block of teams.
constexpr int64_t teamBlock = 128;

Team grid::teamFor(int64_t vectors) {
  vectors = std::max<int64_t>(vectors, 1);
  if (vectors <= warp * mostVectors) {
    int64_t lanes = std::min<int64_t>(warp, llvm::PowerOf2Ceil(vectors));
    return {lanes, teamBlock / lanes};
  }
  // The fewest warps that take four vectors each or fewer, without any left over if
  // that can be.
  int64_t lanes = std::min<int64_t>(mostThreads, llvm::alignTo(llvm::divideCeil(vectors, 4), warp));
  for (int64_t even = lanes; even >= 4 * warp; even -= warp)
    if (vectors % even == 0 && vectors / even <= mostVectors)
      return {even, 1};
  return {lanes, 1};
}

int64_t grid::vectorWidth(TypeRange elements) {
  int64_t narrowest = accessBytes;
  for (Type element : elements) {
    if (!element.isIntOrFloat() || element.getIntOrFloatBitWidth() % 8 != 0)
      return 1;
    narrowest = std::min<int64_t>(narrowest, element.getIntOrFloatBitWidth() / 8);
  }
  // Bytes beside floats are loaded four at a time: eight floats are enough.
  return std::min<int64_t>(accessBytes / narrowest, 8);
}

/// Where the address begins that a buffer's own offset is added to.
static int64_t baseAlignment(Value buffer, int64_t elementBytes) {
  auto argument = dyn_cast<BlockArgument>(buffer);
  auto function = argument ? dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp()) : func::FuncOp();
  if (!function)
    return elementBytes; // a constant
  auto known = function.getArgAttrOfType<IntegerAttr>(argument.getArgNumber(), lower::alignmentName);
  return known ? known.getInt() : lower::argumentAlignment;
}

int64_t grid::alignmentOf(Value buffer, ArrayRef<int64_t> strides, int64_t width) {
  auto type = cast<MemRefType>(buffer.getType());
  int64_t bytes = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  int64_t known = std::gcd(baseAlignment(buffer, bytes), width * bytes);
  known = std::gcd(known, type.getStridesAndOffset().second * bytes);
  for (int64_t stride : strides)
    known = std::gcd(known, stride * bytes);
  return std::max(known, bytes);
}

static SmallVector<Type> elementsOf(ValueRange buffers) {
  return llvm::map_to_vector(buffers, [](Value buffer) {
    return cast<MemRefType>(buffer.getType()).getElementType();
  });
}

static int64_t columnsOf(const RowAccess &access) {
  auto type = cast<MemRefType>(access.buffers.front().getType());
  return type.getRank() ? type.getShape().back() : 1;
}

static bool isContiguous(const RowAccess &access) {
  return llvm::all_of(access.buffers, [](Value buffer) {
    return cast<MemRefType>(buffer.getType()).isLastDimUnitStride();
  });
}

static int64_t vectorsOf(const RowAccess &access) {
  int64_t width = isContiguous(access) ? vectorWidth(elementsOf(access.buffers)) : 1;
  return llvm::divideCeil(columnsOf(access), width);
}

Team grid::teamOf(const RowAccess &access) { return teamFor(vectorsOf(access)); }

Team grid::widestTeamOf(const RowAccess &access) {
  int64_t vectors = vectorsOf(access);
  if (vectors <= warp)
    return teamFor(vectors);
  return {std::min(mostThreads, int64_t(llvm::alignTo(vectors, warp))), 1};
}

TeamRows::TeamRows(LaunchWriter &writer, const RowAccess &access, Team team)
    : RowEmitter(writer.builder(), writer.location(), access.element, access.buffers,
                 vectorWidth(elementsOf(access.buffers))),
      writer(writer), team(team),
      rewrites(llvm::SmallPtrSet<Value, 4>(llvm::from_range, access.buffers).size() < access.buffers.size()) {
  lane = writer.remainder(writer.thread(), team.lanes);
}

llvm::MaybeAlign TeamRows::alignmentOf(Value buffer) {
  SmallVector<int64_t> strides = cast<MemRefType>(buffer.getType()).getStridesAndOffset().first;
  return llvm::Align(grid::alignmentOf(buffer, ArrayRef(strides).drop_back(), width));
}

void TeamRows::emitStore(function_ref<void()> body) {
  active ? writer.when(active, body) : body();
}

void TeamRows::onceForRow(function_ref<void()> body) {
  Value first = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, lane, index(0));
  if (active)
    first = arith::AndIOp::create(b, loc, first, active);
  writer.when(first, body);
}

Value TeamRows::numberOfRow() {
  if (team.perBlock == 1)
    return writer.block();
  return writer.add(writer.mul(writer.block(), team.perBlock), writer.quotient(writer.thread(), team.lanes));
}

void TeamRows::forOwnRows(ArrayRef<int64_t> shape, RowBody body) {
  int64_t rows = ShapedType::getNumElements(shape);
  if (rows == 0)
    return;
  Value row = numberOfRow();
  auto whole = [&] { body(writer.takeApart(row, shape)); };
  rows % team.perBlock == 0 ? whole() : writer.when(writer.less(row, index(rows)), whole);
}

/// A team without a row goes along with the last one, and stores nothing.
void TeamRows::forDividedRows(Operation *op, ArrayRef<int64_t> shape, RowBody body) {
  int64_t rows = ShapedType::getNumElements(shape);
  if (rows == 0)
    return;
  Value row = numberOfRow();
  if (rows % team.perBlock != 0) {
    active = writer.less(row, index(rows));
    row = arith::SelectOp::create(b, loc, active, row, index(rows - 1));
  }
  body(writer.takeApart(row, shape));
}

/// How many whole vectors a thread takes of the columns before `end`, if they are as many
/// for all and few enough that loops over them are written out.
std::optional<int64_t> TeamRows::stepsInRegisters(Value end) const {
  std::optional<int64_t> columns = getConstantIntValue(end);
  int64_t whole = columns ? *columns / width : 0;
  if (!columns || whole % team.lanes != 0 || whole / team.lanes > mostVectors)
    return std::nullopt;
  return whole / team.lanes;
}

/// The first column of a thread's vector number `step`: one value for all passes over a
/// row, by which they know what they have in registers.
Value TeamRows::firstColumn(int64_t step) {
  if (int64_t(firsts.size()) <= step)
    firsts.resize(step + 1);
  Value &first = firsts[step];
  if (!first || first.getParentBlock() != b.getInsertionBlock())
    first = writer.mul(writer.add(lane, index(step * team.lanes)), width);
  return first;
}

/// Walks whole vectors; `rest` becomes the first column behind them.
Values TeamRows::walkVectors(Value end, Values carried, Value &rest,
                             function_ref<Values(Lanes, Values)> body) {
  std::optional<int64_t> columns = getConstantIntValue(end);
  Value vectors;
  if (columns) {
    int64_t whole = *columns / width;
    rest = index(whole * width);
    if (std::optional<int64_t> steps = stepsInRegisters(end)) {
      for (int64_t step = 0; step < *steps; ++step)
        carried = body({firstColumn(step), Value(), 0}, carried);
      return carried;
    }
    vectors = index(whole);
  } else {
    vectors = writer.quotient(end, width);
    rest = writer.mul(vectors, width);
  }
  return writer.forLoop(lane, vectors, team.lanes, carried, [&](Value vector, Values sofar) {
    return body({writer.mul(vector, width), Value(), 0}, sofar);
  });
}

/// The columns behind the last whole vector, one by one.
Values TeamRows::walkRest(Value begin, Value end, Values carried,
                          function_ref<Values(Lanes, Values)> body) {
  if (begin == end || (getConstantIntValue(begin) && getConstantIntValue(begin) == getConstantIntValue(end)))
    return carried;
  int64_t whole = std::exchange(width, 1);
  carried = writer.forLoop(writer.add(begin, lane), end, team.lanes, carried,
                           [&](Value column, Values sofar) {
                             return body({column, Value(), 0}, sofar);
                           });
  width = whole;
  return carried;
}

/// The team whose row it is may be writing it already: one that goes along reads none of it.
Value TeamRows::ownEnd(Value end) {
  return active && rewrites ? arith::SelectOp::create(b, loc, active, end, index(0)).getResult() : end;
}

void TeamRows::forColumns(Value end, function_ref<void(Lanes)> body) {
  end = ownEnd(end);
  auto step = [&](Lanes lanes, Values) {
    body(lanes);
    return Values();
  };
  Value rest;
  walkVectors(end, {}, rest, step);
  if (width > 1)
    walkRest(rest, end, {}, step);
}

void TeamRows::forEachColumn(Value begin, Value end, function_ref<void(Value)> body) {
  walkRest(begin, end, {}, [&](Lanes lanes, Values) {
    body(lanes.first);
    return Values();
  });
}

TeamRows::Terms TeamRows::reduceColumns(Value end, ArrayRef<Kind> kinds,
                                        function_ref<Terms(Lanes)> body) {
  end = ownEnd(end);
  auto step = [&](Lanes lanes, Values sofar) {
    Terms terms = body(lanes);
    for (auto [acc, kind, term] : llvm::zip_equal(sofar, kinds, terms))
      acc = combine(kind, acc, term);
    return sofar;
  };
  Values carried;
  for (Kind kind : kinds)
    carried.push_back(neutral(kind));
  Value rest;
  carried = walkVectors(end, carried, rest, step);
  if (width > 1) {
    for (auto [acc, kind] : llvm::zip_equal(carried, kinds))
      acc = vector::ReductionOp::create(b, loc, kind, acc, fastMathFlags);
    carried = walkRest(rest, end, carried, step);
  }
  int64_t whole = std::exchange(width, 1);
  for (auto [acc, kind] : llvm::zip_equal(carried, kinds))
    acc = writer.combineLanes(acc, kind, neutral(kind), team.lanes);
  width = whole;
  return carried;
}

TeamRows::Terms TeamRows::sumExponentials(Value end, function_ref<Value(Lanes)> body) {
  if (stepsInRegisters(end))
    return RowEmitter::sumExponentials(end, body);
  end = ownEnd(end);
  auto step = [&](Lanes lanes, Values sofar) {
    Value x = body(lanes), largest = x;
    if (width > 1)
      largest = vector::ReductionOp::create(b, loc, Kind::MAXIMUMF, x, fastMathFlags);
    largest = combine(Kind::MAXIMUMF, sofar[0], largest);
    Value shift = replace(largest, -INFINITY, 0);
    // A sum of nothing is for -infinity, and stays nothing.
    Value before = mul(sofar[1], exp(sub(sofar[0], shift)));
    return Values{largest, add(before, exp(sub(x, shift)))};
  };
  Value none = number(-INFINITY), rest;
  Values carried = walkVectors(end, {none, neutral(Kind::ADD)}, rest, step);
  if (width > 1) {
    carried[1] = vector::ReductionOp::create(b, loc, Kind::ADD, carried[1], fastMathFlags);
    carried = walkRest(rest, end, carried, step);
  }
  int64_t whole = std::exchange(width, 1);
  Value largest = writer.combineLanes(carried[0], Kind::MAXIMUMF, none, team.lanes);
  Value shift = replace(largest, -INFINITY, 0);
  Value sum = mul(carried[1], exp(sub(carried[0], shift)));
  sum = writer.combineLanes(sum, Kind::ADD, neutral(Kind::ADD), team.lanes);
  width = whole;
  return {shift, sum};
}

/// 32 bits tell columns apart, for there are fewer.
Value TeamRows::isColumn(Lanes lanes, Value column) {
  Value distance = arith::SubIOp::create(b, loc, column, lanes.first);
  distance = arith::IndexCastOp::create(b, loc, b.getI32Type(), distance);
  SmallVector<int32_t> steps(width);
  std::iota(steps.begin(), steps.end(), 0);
  TypedAttr numbers = width == 1 ? TypedAttr(b.getI32IntegerAttr(0)) : b.getI32VectorAttr(steps);
  if (width > 1)
    distance = vector::BroadcastOp::create(b, loc, numbers.getType(), distance);
  Value known = arith::ConstantOp::create(b, loc, numbers);
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, distance, known);
}

Value TeamRows::select(Value condition, Value yes, Value no) {
  auto vector = dyn_cast<VectorType>(yes.getType());
  if (vector && !isa<VectorType>(no.getType()))
    no = vector::BroadcastOp::create(b, loc, vector, no);
  return arith::SelectOp::create(b, loc, condition, yes, no);
}
