//===- EmitSums.cpp - Sums over loops by many threads ----------------------===//
//
// Which thread adds what, and in which order, follows from the shape alone: no atomic
// additions, the same bits on every run.
//
// Where an operand is contiguous along the innermost term, as in the sum of a row,
// threads of a team share the terms of a point. Where it is contiguous along a point,
// as in sums down the columns, a thread has points of its own. If there are too few of
// either to fill a GPU, terms are cut into chunks, whose sums a second launch adds.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Kernels/FastMath.h"
#include "lib/Transforms/Kernels/GPU/EmitNest.h"
#include "lib/Transforms/Kernels/GPU/TeamRows.h"
#include "lib/Transforms/Kernels/VectorBody.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace bitpipe;
using namespace bitpipe::grid;
using grid::Values;

/// Threads that are enough for any GPU, about, and terms for which it pays to add
/// chunks in a launch of their own.
constexpr int64_t enoughThreads = 1 << 17, fewestTerms = 32;

namespace {

/// How the points and terms of a nest are divided.
struct Division {
  NestLoops loops;
  Along along;        // the loop that a thread takes vectors of
  Team team;          // that shares the terms of a point
  int64_t chunks = 1; // of the terms
  int64_t points = 1, terms = 1; // in vectors, where they are taken so

  bool alongTerms() const { return llvm::is_contained(loops.terms, along.level); }
};

} // namespace

/// The loop that most inputs are contiguous along.
static unsigned contiguousLevel(const LoopNest &nest) {
  unsigned best = nest.sizes.size() - 1;
  int most = 0;
  for (unsigned level = nest.sizes.size(); level-- > 0;) {
    int count = llvm::count_if(nest.accesses, [&](const Access &access) {
      return !access.output && access.strides[level] == 1;
    });
    if (count > most)
      best = level, most = count;
  }
  return best;
}

static Division divideSums(linalg::LinalgOp op, const LoopNest &nest, const NestLoops &loops) {
  Division d{loops, {contiguousLevel(nest), 1}, {1, usualBlock}, 1, 1, 1};
  int64_t width = widthAlong(op, nest, d.along.level);
  if (nest.sizes[d.along.level] % width == 0)
    d.along.width = width;
  d.points = ShapedType::getNumElements(sizesOf(nest, loops.points, d.along));
  d.terms = ShapedType::getNumElements(sizesOf(nest, loops.terms, d.along));
  if (d.alongTerms())
    d.team = teamFor(d.terms);
  int64_t threads = d.points * d.team.lanes, share = llvm::divideCeil(d.terms, d.team.lanes);
  if (threads < enoughThreads && share >= 2 * fewestTerms)
    d.chunks = std::min<int64_t>(llvm::divideCeil(enoughThreads, threads), share / fewestTerms);
  return d;
}

namespace {

class Sums {
public:
  Sums(LaunchWriter &writer, linalg::LinalgOp op, const Division &d)
      : writer(writer), b(writer.builder()), loc(writer.location()), op(op), nest(*buildLoopNest(op)),
        d(d), thread(writer, op, nest, d.along) {
    if (d.chunks == 1)
      return;
    for (unsigned i = 0; i < op.getNumDpsInits(); ++i) {
      int64_t width = thread.widthOf(thread.inputs() + i);
      parts.push_back(writer.scratch({d.chunks, d.points * width}, typeOf(i)));
    }
  }

  /// Adds the terms; into the outputs if there is one chunk.
  void emitTerms() {
    Value lane = d.team.lanes == 1 ? writer.index(0) : writer.remainder(writer.thread(), d.team.lanes);
    Value unit = d.team.perBlock == 1 ? writer.block()
                 : d.team.lanes == 1
                     ? writer.globalThread()
                     : writer.add(writer.mul(writer.block(), d.team.perBlock),
                                  writer.quotient(writer.thread(), d.team.lanes));
    int64_t units = d.points * d.chunks;
    Value active = writer.less(unit, writer.index(units));
    if (d.team.lanes == 1)
      return writer.when(active, [&] { finish(unit, addTerms(unit, lane)); });
    // A team without a point goes along with the last one, and stores nothing.
    unit = arith::SelectOp::create(b, loc, active, unit, writer.index(units - 1));
    Values sums = addTerms(unit, lane);
    Value isFirst = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, lane, writer.index(0));
    writer.when(arith::AndIOp::create(b, loc, active, isFirst), [&] { finish(unit, sums); });
  }

  /// Adds the sums of all chunks to the outputs: a warp per point, or less where there
  /// are few chunks.
  void emitParts(Team team) {
    Value lane = writer.remainder(writer.thread(), team.lanes);
    Value point = writer.add(writer.mul(writer.block(), team.perBlock), writer.quotient(writer.thread(), team.lanes));
    Value active = writer.less(point, writer.index(d.points));
    point = arith::SelectOp::create(b, loc, active, point, writer.index(d.points - 1));
    Values sums = writer.forLoop(lane, writer.index(d.chunks), team.lanes, neutral(), [&](Value chunk, Values sofar) {
      for (auto [i, sum] : llvm::enumerate(sofar))
        sum = combined(i, sum, loadPart(i, chunk, point));
      return sofar;
    });
    for (auto [i, sum] : llvm::enumerate(sums))
      sum = combineLanes(i, sum, team.lanes);
    Value isFirst = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, lane, writer.index(0));
    writer.when(arith::AndIOp::create(b, loc, active, isFirst), [&] { addToOutputs(pointAt(point), sums); });
  }

private:
  Type typeOf(unsigned i) const { return nest.accesses[thread.inputs() + i].element(); }
  Combiner combiner(unsigned i) { return *matchCombiner(op, i); }
  Value combined(unsigned i, Value x, Value y) {
    bool isFloat = isa<FloatType>(typeOf(i));
    return vector::makeArithReduction(b, loc, combiner(i).kind, x, y,
                                      isFloat ? fastMath(b) : arith::FastMathFlagsAttr());
  }

  /// `sum`, a number or several, of all lanes of a team.
  Value combineLanes(unsigned i, Value sum, int64_t lanes) {
    auto vector = dyn_cast<VectorType>(sum.getType());
    Value zero = arith::ConstantOp::create(b, loc, combiner(i).neutral);
    if (!vector)
      return writer.combineLanes(sum, combiner(i).kind, zero, lanes);
    Values elements;
    for (int64_t e = 0; e < vector.getDimSize(0); ++e) {
      Value element = vector::ExtractOp::create(b, loc, sum, e);
      elements.push_back(writer.combineLanes(element, combiner(i).kind, zero, lanes));
    }
    return vector::FromElementsOp::create(b, loc, vector, elements);
  }

  /// What sums begin with: of terms, or of the parts of a point.
  Values neutral(bool ofTerms = false) {
    Values values;
    for (unsigned i = 0; i < op.getNumDpsInits(); ++i) {
      Value one = arith::ConstantOp::create(b, loc, combiner(i).neutral);
      int64_t width = ofTerms ? d.along.width : thread.widthOf(thread.inputs() + i);
      values.push_back(spread(b, loc, one, width));
    }
    return values;
  }

  Values pointAt(Value point) {
    Values at(nest.sizes.size(), writer.index(0));
    placeAt(writer, nest, d.loops.points, d.along, point, at);
    return at;
  }

  /// The sums of a unit's terms; of all lanes of a team, each of which gets them.
  Values addTerms(Value unit, Value lane) {
    int64_t share = llvm::divideCeil(d.terms, d.chunks);
    Value chunk = writer.quotient(unit, d.points);
    Values at = pointAt(d.chunks == 1 ? unit : writer.remainder(unit, d.points));
    Value first = d.chunks == 1 ? writer.index(0) : writer.mul(chunk, share);
    Value end = writer.index(d.terms);
    if (d.chunks > 1)
      end = arith::MinSIOp::create(b, loc, end, writer.add(first, writer.index(share)));
    Values sums = writer.forLoop(writer.add(first, lane), end, d.team.lanes, neutral(true),
                                 [&](Value term, Values sofar) { return addTerm(at, term, sofar); });
    for (auto [i, sum] : llvm::enumerate(sums)) {
      if (d.alongTerms() && d.along.width > 1)
        sum = vector::ReductionOp::create(b, loc, combiner(i).kind, sum,
                                          isa<FloatType>(typeOf(i)) ? fastMathFlags : arith::FastMathFlags::none);
      if (d.team.lanes > 1)
        sum = combineLanes(i, sum, d.team.lanes);
    }
    return sums;
  }

  Values addTerm(Values at, Value term, const Values &sofar) {
    placeAt(writer, nest, d.loops.terms, d.along, term, at);
    Values given(thread.inputs());
    llvm::append_range(given, sofar);
    Values results = thread.compute(at, thread.load(at, given));
    for (auto [result, sum] : llvm::zip_equal(results, sofar))
      result = spread(b, loc, result, d.along.width);
    return results;
  }

  void finish(Value unit, const Values &sums) {
    if (d.chunks == 1)
      return addToOutputs(pointAt(unit), sums);
    Value point = writer.remainder(unit, d.points), chunk = writer.quotient(unit, d.points);
    for (auto [i, sum] : llvm::enumerate(sums)) {
      int64_t width = thread.widthOf(thread.inputs() + i);
      SmallVector<Value> place{chunk, writer.mul(point, width)};
      if (width == 1)
        memref::StoreOp::create(b, loc, sum, parts[i], place);
      else
        vector::StoreOp::create(b, loc, sum, parts[i], place, /*nontemporal=*/false, partAlignment(i));
    }
  }

  /// Scratch memory is as long as whole vectors.
  llvm::Align partAlignment(unsigned i) {
    int64_t bytes = thread.widthOf(thread.inputs() + i) * typeOf(i).getIntOrFloatBitWidth() / 8;
    return llvm::Align(std::min<int64_t>(16, std::max<int64_t>(bytes, 1)));
  }

  Value loadPart(unsigned i, Value chunk, Value point) {
    int64_t width = thread.widthOf(thread.inputs() + i);
    SmallVector<Value> place{chunk, writer.mul(point, width)};
    if (width == 1)
      return memref::LoadOp::create(b, loc, parts[i], place);
    return vector::LoadOp::create(b, loc, VectorType::get({width}, typeOf(i)), parts[i], place,
                                  /*nontemporal=*/false, partAlignment(i));
  }

  void addToOutputs(const Values &at, const Values &sums) {
    for (auto [i, sum] : llvm::enumerate(sums)) {
      unsigned k = thread.inputs() + i;
      thread.store(at, k, combined(i, thread.load(k, at), sum));
    }
  }

  LaunchWriter &writer;
  OpBuilder &b;
  Location loc;
  linalg::LinalgOp op;
  LoopNest nest;
  const Division &d;
  NestThread thread;
  Values parts;
};

} // namespace

void grid::emitSums(LaunchWriter &writer, linalg::LinalgOp op, const LoopNest &nest,
                    const NestLoops &loops) {
  Division d = divideSums(op, nest, loops);
  int64_t blocks = blocksFor(d.points * d.chunks, d.team.perBlock);
  linalg::LinalgOp here = writer.begin(op, blocks, d.team.block());
  Sums(writer, here, d).emitTerms();
  writer.end();
  if (d.chunks == 1)
    return;
  int64_t lanes = std::min<int64_t>(warp, llvm::PowerOf2Ceil(llvm::divideCeil(d.chunks, 4)));
  Team team{lanes, usualBlock / lanes};
  linalg::LinalgOp again = writer.begin(op, blocksFor(d.points, team.perBlock), usualBlock);
  Sums(writer, again, d).emitParts(team);
  writer.end();
}

//===----------------------------------------------------------------------===//
// In order
//===----------------------------------------------------------------------===//

void grid::emitInOrder(LaunchWriter &writer, linalg::LinalgOp op, const LoopNest &nest,
                       const NestLoops &loops) {
  Along single{0, 1};
  int64_t points = ShapedType::getNumElements(sizesOf(nest, loops.points, single));
  int64_t terms = ShapedType::getNumElements(sizesOf(nest, loops.terms, single));
  int64_t block = std::min(usualBlock, int64_t(llvm::alignTo(points, warp)));
  linalg::LinalgOp here = writer.begin(op, blocksFor(points, block), block);
  LoopNest own = *buildLoopNest(here);
  NestThread thread(writer, here, own, single);
  Value number = writer.globalThread();
  writer.when(writer.less(number, writer.index(points)), [&] {
    Values at(own.sizes.size());
    placeAt(writer, own, loops.points, single, number, at);
    writer.forLoop(writer.index(0), writer.index(terms), 1, {}, [&](Value term, Values) {
      placeAt(writer, own, loops.terms, single, term, at);
      thread.store(at, thread.compute(at, thread.load(at)));
      return Values();
    });
  });
  writer.end();
}
