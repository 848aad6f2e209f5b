//===- GatherGradient.cpp - The gradient of a table ------------------------===//
//
// Two ids may name one row, whose sum must not depend on which thread comes first. So
// the first launch links every id to the next one that names the same row, and the
// second one walks the links from where they begin, in the order of the ids.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Kernels/GPU/EmitLaunches.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace bitpipe;
using namespace bitpipe::grid;
using Kind = vector::CombiningKind;

/// Of a link: set where an id before it names the same row.
constexpr int32_t isLater = INT32_MIN;

static ArrayRef<int64_t> shapeOf(Value buffer) {
  return cast<MemRefType>(buffer.getType()).getShape();
}

static Value word(LaunchWriter &writer, int32_t value) {
  OpBuilder &b = writer.builder();
  return arith::ConstantOp::create(b, writer.location(), b.getI32IntegerAttr(value));
}

/// What is walked along rows: of the table, and of the gradient of what was gathered.
static RowAccess access(pipe::GatherGradOp op) {
  Value table = op.getInits()[0];
  return {cast<MemRefType>(table.getType()).getElementType(), {table, op.getInputs()[0]}};
}

/// A warp per id compares it with all ids.
static void emitLinks(LaunchWriter &writer, pipe::GatherGradOp original, int64_t count) {
  Team team{warp, 4};
  auto op = writer.begin(original, blocksFor(count, team.perBlock), team.block());
  OpBuilder &b = writer.builder();
  Location loc = writer.location();
  Value links = writer.scratch({count}, b.getI32Type()), ids = op.getInputs()[1];
  int64_t rows = shapeOf(op.getInits()[0])[0];
  TeamRows e(writer, access(op), team);
  auto rowOf = [&](Value number) {
    return tableRow(e, ids, writer.takeApart(number, shapeOf(ids)), rows).row;
  };
  e.forDividedRows(op, {count}, [&](ValueRange place) {
    Value own = place[0], row = rowOf(own), none = word(writer, count), zero = word(writer, 0);
    Value lane = writer.remainder(writer.thread(), warp);
    Values found = writer.forLoop(lane, writer.index(count), warp, {none, zero}, [&](Value other, Values sofar) {
      Value same = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, rowOf(other), row);
      Value isAfter = arith::AndIOp::create(b, loc, same, writer.less(own, other));
      Value isBefore = arith::AndIOp::create(b, loc, same, writer.less(other, own));
      Value number = arith::IndexCastOp::create(b, loc, b.getI32Type(), other);
      Value next = arith::SelectOp::create(b, loc, isAfter, number, none);
      Value later = arith::SelectOp::create(b, loc, isBefore, word(writer, isLater), zero);
      return Values{arith::MinSIOp::create(b, loc, sofar[0], next),
                    arith::OrIOp::create(b, loc, sofar[1], later)};
    });
    Value next = writer.combineLanes(found[0], Kind::MINSI, none, warp);
    Value later = writer.combineLanes(found[1], Kind::OR, zero, warp);
    Value link = arith::OrIOp::create(b, loc, next, later);
    e.onceForRow([&] { memref::StoreOp::create(b, loc, link, links, own); });
  });
  writer.end();
}

namespace {

/// Adds the rows that begin at an id and are linked to it.
class LinkedSum {
public:
  LinkedSum(LaunchWriter &writer, TeamRows &e, pipe::GatherGradOp op, Value links)
      : writer(writer), e(e), b(writer.builder()), loc(writer.location()), op(op), links(links) {}

  void emit(ValueRange at, Value own) {
    Value dtable = op.getInits()[0], ids = op.getInputs()[1];
    ArrayRef<int64_t> table = shapeOf(dtable);
    Value link = memref::LoadOp::create(b, loc, links, own);
    Value isBegin = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sge, link, word(writer, 0));
    writer.when(isBegin, [&] {
      Values row{tableRow(e, ids, at, table[0]).row};
      if (table.size() == 1) {
        Value sum = add(e.loadScalar(dtable, row), own, [&](ValueRange from) {
          return e.loadScalar(op.getInputs()[0], from);
        });
        return e.onceForRow([&] { memref::StoreOp::create(b, loc, sum, dtable, row); });
      }
      e.forRows(table.drop_front().drop_back(), [&](ValueRange within) {
        emitRow(row, within, own);
      });
    });
  }

private:
  void emitRow(Values row, ValueRange within, Value own) {
    llvm::append_range(row, within);
    e.forColumns(e.index(shapeOf(op.getInits()[0]).back()), [&](Lanes lanes) {
      Value sum = add(e.load(op.getInits()[0], row, lanes), own, [&](ValueRange id) {
        Values from(id);
        llvm::append_range(from, within);
        return e.load(op.getInputs()[0], from, lanes);
      });
      e.store(sum, op.getInits()[0], row, lanes);
    });
  }

  /// `sofar` and what `load` finds for all ids from number `own` on.
  Value add(Value sofar, Value own, function_ref<Value(ValueRange)> load) {
    ArrayRef<int64_t> ids = shapeOf(op.getInputs()[1]);
    Value end = word(writer, ShapedType::getNumElements(ids));
    Value first = arith::IndexCastOp::create(b, loc, b.getI32Type(), own);
    auto loop = scf::WhileOp::create(
        b, loc, TypeRange{b.getI32Type(), sofar.getType()}, ValueRange{first, sofar},
        [&](OpBuilder &nested, Location, ValueRange state) {
          Value more = arith::CmpIOp::create(nested, loc, arith::CmpIPredicate::slt, state[0], end);
          scf::ConditionOp::create(nested, loc, more, state);
        },
        [&](OpBuilder &nested, Location, ValueRange state) {
          OpBuilder::InsertionGuard guard(b);
          b.restoreInsertionPoint(nested.saveInsertionPoint());
          Value number = arith::IndexCastOp::create(b, loc, b.getIndexType(), state[0]);
          Value sum = e.add(state[1], load(writer.takeApart(number, ids)));
          Value link = memref::LoadOp::create(b, loc, links, number);
          Value next = arith::AndIOp::create(b, loc, link, word(writer, ~isLater));
          scf::YieldOp::create(b, loc, ValueRange{next, sum});
          nested.restoreInsertionPoint(b.saveInsertionPoint());
        });
    return loop.getResult(1);
  }

  LaunchWriter &writer;
  TeamRows &e;
  OpBuilder &b;
  Location loc;
  pipe::GatherGradOp op;
  Value links;
};

} // namespace

LogicalResult grid::emitLaunches(LaunchWriter &writer, pipe::GatherGradOp original) {
  int64_t count = ShapedType::getNumElements(shapeOf(original.getInputs()[1]));
  if (count >= INT32_MAX)
    return emitError(original.getLoc()) << original->getName() << " has " << count
                                        << " ids, expected fewer than " << INT32_MAX;
  emitLinks(writer, original, count);
  bool ofScalars = shapeOf(original.getInits()[0]).size() == 1;
  Team team = ofScalars ? Team{1, 128} : widestTeamOf(access(original));
  auto op = writer.begin(original, blocksFor(count, team.perBlock), team.block());
  Value links = writer.scratch({count}, writer.builder().getI32Type());
  TeamRows e(writer, access(op), team);
  e.forOwnRows({count}, [&](ValueRange place) {
    Values at = writer.takeApart(place[0], shapeOf(op.getInputs()[1]));
    LinkedSum(writer, e, op, links).emit(at, place[0]);
  });
  writer.end();
  return success();
}
