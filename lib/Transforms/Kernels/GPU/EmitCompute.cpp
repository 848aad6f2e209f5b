//===- EmitCompute.cpp - Launches of compute operations --------------------===//
//
// Rows are independent, so formulas are those of the CPU; here is what crosses rows:
// the sum of losses, the sums down the columns, and the check of indices.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Kernels/ComputeToLoops.h"
#include "lib/Transforms/Kernels/GPU/EmitLaunches.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace bitpipe;
using namespace bitpipe::grid;
using Kind = vector::CombiningKind;

static ArrayRef<int64_t> shapeOf(Value buffer) {
  return cast<MemRefType>(buffer.getType()).getShape();
}

//===----------------------------------------------------------------------===//
// Gather
//===----------------------------------------------------------------------===//

LogicalResult grid::emitLaunches(LaunchWriter &writer, pipe::GatherOp op) {
  Team team = teamOf(rowAccess(op));
  if (shapeOf(op.getInputs()[0]).size() == 1)
    team = {1, 128};
  int64_t ids = ShapedType::getNumElements(shapeOf(op.getInputs()[1]));
  auto here = writer.begin(op, blocksFor(ids, team.perBlock), team.block());
  TeamRows e(writer, rowAccess(here), team);
  e.forDividedRows(here, shapeOf(here.getInputs()[1]), [&](ValueRange at) {
    emitGathered(e, here, at);
    e.onceForRow([&] { checkId(e, here, at); });
  });
  writer.end();
  return success();
}

//===----------------------------------------------------------------------===//
// Cross-entropy
//===----------------------------------------------------------------------===//

/// One block adds the losses of all rows: every thread some, in their order, then all
/// threads.
static void emitLossSum(LaunchWriter &writer, pipe::CrossEntropyOp op) {
  auto here = writer.begin(op, 1, mostThreads);
  TeamRows e(writer, rowAccess(here), {1, 1});
  OpBuilder &b = writer.builder();
  Location loc = op.getLoc();
  ArrayRef<int64_t> rows = shapeOf(here.getInputs()[0]).drop_back();
  Value zero = arith::ConstantOp::create(b, loc, b.getF64FloatAttr(0));
  Value count = writer.index(ShapedType::getNumElements(rows));
  Value sum = writer.forLoop(writer.thread(), count, mostThreads, {zero}, [&](Value number, Values sofar) {
    Values row = writer.takeApart(number, rows);
    Label label = labelAt(e, here, row);
    auto branch = scf::IfOp::create(b, loc, b.getF64Type(), label.counts, /*withElseRegion=*/true);
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(branch.thenBlock());
      Value term = rowLoss(e, here, row, label.position);
      scf::YieldOp::create(b, loc, arith::AddFOp::create(b, loc, sofar[0], term).getResult());
      b.setInsertionPointToStart(branch.elseBlock());
      scf::YieldOp::create(b, loc, sofar[0]);
    }
    return Values{branch.getResult(0)};
  })[0];
  sum = writer.combineLanes(sum, Kind::ADD, zero, mostThreads);
  Value loss = here.getInits()[0];
  Type kept = cast<MemRefType>(loss.getType()).getElementType();
  if (!kept.isF64())
    sum = arith::TruncFOp::create(b, loc, kept, sum);
  Value isFirst = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, writer.thread(), writer.index(0));
  writer.when(isFirst, [&] { memref::StoreOp::create(b, loc, sum, loss); });
  writer.end();
}

LogicalResult grid::emitLaunches(LaunchWriter &writer, pipe::CrossEntropyOp op) {
  if (failed(emitLaunches<pipe::CrossEntropyOp>(writer, op)))
    return failure();
  emitLossSum(writer, op);
  return success();
}

/// The thread that has the label's column subtracts there; nobody reads what another
/// one has written, so that logits and their gradient may be one buffer.
static void emitGradient(TeamRows &e, pipe::CrossEntropyGradOp op) {
  OpBuilder &b = e.builder();
  Location loc = op.getLoc();
  Value logits = op.getInputs()[1], dlogits = op.getInits()[0];
  auto type = cast<MemRefType>(logits.getType());
  Value end = e.index(type.getShape().back());
  Value dloss = memref::LoadOp::create(b, loc, op.getInputs()[0], ValueRange());
  e.forOwnRows(type.getShape().drop_back(), [&](ValueRange row) {
    Label label = labelAt(e, op, row);
    Value lse = memref::LoadOp::create(b, loc, op.getInputs()[3], row);
    Value factor = arith::SelectOp::create(b, loc, label.counts, dloss, e.number(0));
    e.forColumns(end, [&](Lanes lanes) {
      Value share = e.exp(e.sub(e.load(logits, row, lanes), lse));
      Value gradient = e.mul(share, factor);
      // A row that does not count is zero, whatever its logits are.
      gradient = e.select(label.counts, gradient, e.number(0));
      Value own = e.isColumn(lanes, label.position);
      e.store(e.select(own, e.sub(gradient, factor), gradient), dlogits, row, lanes);
    });
  });
}

LogicalResult grid::emitLaunches(LaunchWriter &writer, pipe::CrossEntropyGradOp op) {
  Team team = teamOf(rowAccess(op));
  int64_t rows = ShapedType::getNumElements(shapeOf(op.getInputs()[1]).drop_back());
  auto here = writer.begin(op, blocksFor(rows, team.perBlock), team.block());
  TeamRows e(writer, rowAccess(here), team);
  emitGradient(e, here);
  writer.end();
  return success();
}

//===----------------------------------------------------------------------===//
// Parameters of layer normalisation
//===----------------------------------------------------------------------===//

/// The same as sums of linalg, which have launches of their own.
static linalg::GenericOp asSums(OpBuilder &b, pipe::LayerNormGradParamsOp op) {
  unsigned rank = shapeOf(op.getInputs()[0]).size();
  AffineMap all = b.getMultiDimIdentityMap(rank);
  AffineMap rows = all.dropResult(rank - 1);
  AffineMap columns = AffineMap::get(rank, 0, b.getAffineDimExpr(rank - 1));
  SmallVector<utils::IteratorType> loops(rank, utils::IteratorType::reduction);
  loops.back() = utils::IteratorType::parallel;
  Type sum = cast<MemRefType>(op.getInits()[0].getType()).getElementType();
  return linalg::GenericOp::create(
      b, op.getLoc(), op.getInputs(), op.getInits(),
      ArrayRef<AffineMap>{all, all, rows, rows, columns, columns}, loops,
      [&](OpBuilder &nested, Location loc, ValueRange values) {
        auto wide = [&](Value v) {
          return v.getType() == sum ? v : arith::ExtFOp::create(nested, loc, sum, v).getResult();
        };
        Value dy = wide(values[0]), x = wide(values[1]);
        Value centred = arith::SubFOp::create(nested, loc, x, values[2]);
        Value normal = arith::MulFOp::create(nested, loc, centred, values[3]);
        Value term = arith::MulFOp::create(nested, loc, dy, normal);
        Value weight = arith::AddFOp::create(nested, loc, values[4], term);
        Value bias = arith::AddFOp::create(nested, loc, values[5], dy);
        linalg::YieldOp::create(nested, loc, ValueRange{weight, bias});
      });
}

static LogicalResult emitLaunches(LaunchWriter &writer, pipe::LayerNormGradParamsOp op) {
  OpBuilder b(op);
  linalg::GenericOp sums = asSums(b, op);
  LogicalResult result = grid::emitLaunches(writer, cast<linalg::LinalgOp>(sums.getOperation()));
  sums.erase();
  return result;
}

LogicalResult grid::emitOperation(LaunchWriter &writer, Operation *op) {
  if (auto nest = dyn_cast<linalg::LinalgOp>(op))
    return grid::emitLaunches(writer, nest);
  if (failed(verifyBuffers(op)))
    return failure();
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](pipe::LayerNormGradParamsOp params) { return ::emitLaunches(writer, params); })
      .Case<pipe::SoftmaxOp, pipe::SoftmaxGradOp, pipe::LayerNormOp, pipe::LayerNormGradInputOp,
            pipe::DropoutOp, pipe::GatherOp, pipe::GatherGradOp, pipe::CrossEntropyOp,
            pipe::CrossEntropyGradOp, pipe::FusedRowsOp>([&](auto compute) { return grid::emitLaunches(writer, compute); })
      .Default([](Operation *other) {
        return emitError(other->getLoc()) << other->getName() << " has no GPU kernel";
      });
}
