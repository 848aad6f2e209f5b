//===- ChunkLoss.cpp - Linear cross-entropies in chunks of rows ------------===//

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Transforms/Autodiff/GenericGradient.h"
#include "lib/Transforms/Autodiff/Passes.h"

namespace bitpipe {
#define GEN_PASS_DEF_PIPECHUNKLOSS
#include "lib/Transforms/Autodiff/Passes.h.inc"
} // namespace bitpipe

using namespace mlir;
using namespace bitpipe;

/// Below this products would spend their time on reading the weight again.
static constexpr int64_t fewestRows = 128;
/// What is written out for each is a program that must stay short.
static constexpr int64_t mostChunks = 64;

namespace {

/// Builds what one operation becomes. Rows are a single dimension inside.
class LossBuilder {
public:
  /// `inputs`: x, weight, labels and perhaps a bias.
  LossBuilder(Operation *op, ValueRange inputs, bool transposed, IntegerAttr ignoreIndex)
      : b(op), loc(op->getLoc()), x(inputs[0]), weight(inputs[1]), labels(inputs[2]),
        bias(inputs.size() > 3 ? inputs[3] : Value()), transposed(transposed),
        ignoreIndex(ignoreIndex) {
    auto shape = cast<RankedTensorType>(weight.getType()).getShape();
    features = shape[transposed ? 0 : 1];
    classes = shape[transposed ? 1 : 0];
    rows = cast<RankedTensorType>(labels.getType()).getNumElements();
    element = cast<RankedTensorType>(x.getType()).getElementType();
    scalar = RankedTensorType::get({}, element);
  }

  Value value(int64_t bytes);
  /// The results of pipe.linear_cross_entropy_grad, whose sums start from `sums`.
  SmallVector<Value> gradients(Value dloss, ValueRange sums, int64_t bytes);

private:
  struct Chunk {
    Value x, labels, logits, loss, lse;
    int64_t begin, rows;
  };

  SmallVector<std::pair<int64_t, int64_t>> ranges(int64_t bytes) const;
  Chunk forward(int64_t begin, int64_t count);
  Value whole(Value value, ArrayRef<int64_t> shape);
  Value slice(Value value, int64_t begin, int64_t count);
  Value startOfLogits(RankedTensorType type);
  Value product(Value a, Value b, Value into, std::array<AffineMap, 3> maps);
  Value addColumns(Value dlogits, Value into);

  RankedTensorType tensor(ArrayRef<int64_t> shape) {
    return RankedTensorType::get(shape, element);
  }
  AffineMap map(std::initializer_list<unsigned> dims, unsigned loops = 3) {
    SmallVector<AffineExpr> results;
    for (unsigned dim : dims)
      results.push_back(b.getAffineDimExpr(dim));
    return AffineMap::get(loops, 0, results, b.getContext());
  }
  // Of loops (row, class, feature).
  AffineMap ofRows() { return map({0, 2}); }
  AffineMap ofLogits() { return map({0, 1}); }
  AffineMap ofWeight() { return transposed ? map({2, 1}) : map({1, 2}); }

  OpBuilder b;
  Location loc;
  Value x, weight, labels, bias;
  bool transposed;
  IntegerAttr ignoreIndex;
  int64_t features, classes, rows;
  Type element;
  RankedTensorType scalar;
};

} // namespace

/// Begin and number of rows of every chunk, as even as possible.
SmallVector<std::pair<int64_t, int64_t>> LossBuilder::ranges(int64_t bytes) const {
  int64_t most = std::max(fewestRows, bytes / (classes * (element.getIntOrFloatBitWidth() / 8)));
  int64_t count = std::clamp<int64_t>(llvm::divideCeil(rows, most), 1, mostChunks);
  SmallVector<std::pair<int64_t, int64_t>> found;
  for (int64_t i = 0; i < count; ++i)
    found.push_back({rows * i / count, rows * (i + 1) / count - rows * i / count});
  return found;
}

/// The value with its rows in one dimension, or in those of `shape` again.
Value LossBuilder::whole(Value value, ArrayRef<int64_t> shape) {
  auto from = cast<RankedTensorType>(value.getType());
  auto to = RankedTensorType::get(shape, from.getElementType());
  if (from == to)
    return value;
  auto groups = *getReassociationIndicesForReshape(from, to);
  if (from.getRank() > to.getRank())
    return tensor::CollapseShapeOp::create(b, loc, to, value, groups);
  return tensor::ExpandShapeOp::create(b, loc, to, value, groups);
}

Value LossBuilder::slice(Value value, int64_t begin, int64_t count) {
  SmallVector<int64_t> sizes(cast<RankedTensorType>(value.getType()).getShape());
  if (sizes[0] == count)
    return value;
  SmallVector<OpFoldResult> offsets(sizes.size(), b.getIndexAttr(0));
  SmallVector<OpFoldResult> strides(sizes.size(), b.getIndexAttr(1));
  offsets[0] = b.getIndexAttr(begin);
  sizes[0] = count;
  return tensor::ExtractSliceOp::create(b, loc, value, offsets, getAsIndexOpFoldResult(b.getContext(), sizes), strides);
}

Value LossBuilder::startOfLogits(RankedTensorType type) {
  if (!bias)
    return zeroTensor(b, loc, type);
  return linalg::GenericOp::create(
             b, loc, type, bias, emptyTensor(b, loc, type),
             {map({1}, 2), map({0, 1}, 2)}, iteratorsInto(map({0, 1}, 2)),
             [](OpBuilder &nested, Location loc, ValueRange values) {
               linalg::YieldOp::create(nested, loc, values[0]);
             })
      .getResult(0);
}

/// A contraction over the loop that the result does not have.
Value LossBuilder::product(Value a, Value c, Value into, std::array<AffineMap, 3> maps) {
  return linalg::GenericOp::create(
             b, loc, into.getType(), ValueRange{a, c}, into, maps, iteratorsInto(maps[2]),
             [](OpBuilder &nested, Location loc, ValueRange values) {
               Value term = arith::MulFOp::create(nested, loc, values[0], values[1]);
               Value sum = arith::AddFOp::create(nested, loc, values[2], term);
               linalg::YieldOp::create(nested, loc, sum);
             })
      .getResult(0);
}

Value LossBuilder::addColumns(Value dlogits, Value into) {
  return linalg::GenericOp::create(
             b, loc, into.getType(), dlogits, into, {map({0, 1}, 2), map({1}, 2)},
             iteratorsInto(map({1}, 2)),
             [](OpBuilder &nested, Location loc, ValueRange values) {
               Value sum = arith::AddFOp::create(nested, loc, values[1], values[0]);
               linalg::YieldOp::create(nested, loc, sum);
             })
      .getResult(0);
}

LossBuilder::Chunk LossBuilder::forward(int64_t begin, int64_t count) {
  Chunk chunk{slice(whole(x, {rows, features}), begin, count),
              slice(whole(labels, {rows}), begin, count), {}, {}, {}, begin, count};
  chunk.logits = product(chunk.x, weight, startOfLogits(tensor({count, classes})),
                         {ofRows(), ofWeight(), ofLogits()});
  RankedTensorType perRow = tensor({count});
  auto entropy = pipe::CrossEntropyOp::create(
      b, loc, TypeRange{scalar, perRow}, ValueRange{chunk.logits, chunk.labels},
      ValueRange{emptyTensor(b, loc, scalar), emptyTensor(b, loc, perRow)}, ignoreIndex);
  chunk.loss = entropy.getResult(0);
  chunk.lse = entropy.getResult(1);
  return chunk;
}

Value LossBuilder::value(int64_t bytes) {
  SmallVector<Value> losses;
  for (auto [begin, count] : ranges(bytes))
    losses.push_back(forward(begin, count).loss);
  return addTerms(b, loc, /*start=*/{}, losses);
}

SmallVector<Value> LossBuilder::gradients(Value dloss, ValueRange sums, int64_t bytes) {
  SmallVector<Value> losses, dx, totals(sums);
  for (auto [begin, count] : ranges(bytes)) {
    Chunk chunk = forward(begin, count);
    losses.push_back(chunk.loss);
    Value dlogits = pipe::CrossEntropyGradOp::create(
                        b, loc, TypeRange(chunk.logits.getType()),
                        ValueRange{dloss, chunk.logits, chunk.labels, chunk.lse},
                        ValueRange(emptyTensor(b, loc, chunk.logits.getType())), ignoreIndex)
                        .getResult(0);
    dx.push_back(product(dlogits, weight, zeroTensor(b, loc, tensor({count, features})),
                         {ofLogits(), ofWeight(), ofRows()}));
    totals[0] = product(dlogits, chunk.x, totals[0], {ofLogits(), ofRows(), ofWeight()});
    if (bias)
      totals[1] = addColumns(dlogits, totals[1]);
  }
  Value all = dx.size() == 1 ? dx[0]
                             : tensor::ConcatOp::create(b, loc, tensor({rows, features}), 0, dx)
                                   .getResult();
  SmallVector<Value> results = {addTerms(b, loc, /*start=*/{}, losses),
                                whole(all, cast<RankedTensorType>(x.getType()).getShape())};
  llvm::append_range(results, totals);
  return results;
}

namespace {

struct ChunkLoss : bitpipe::impl::PipeChunkLossBase<ChunkLoss> {
  using PipeChunkLossBase::PipeChunkLossBase;

  void runOnOperation() override {
    if (bytes <= 0) {
      emitError(getOperation().getLoc()) << "bytes is " << int64_t(bytes) << ", expected 1 or more";
      return signalPassFailure();
    }
    for (auto op : llvm::to_vector(getOperation().getOps<pipe::LinearCrossEntropyOp>())) {
      LossBuilder builder(op, op.getInputs(), op.getTransposed(), op.getIgnoreIndexAttr());
      op.getResult(0).replaceAllUsesWith(builder.value(bytes));
      op.erase();
    }
    for (auto op : llvm::to_vector(getOperation().getOps<pipe::LinearCrossEntropyGradOp>())) {
      LossBuilder builder(op, op.getInputs().drop_front(), op.getTransposed(),
                          op.getIgnoreIndexAttr());
      op->replaceAllUsesWith(
          builder.gradients(op.getInputs()[0], op.getInits().drop_front(2), bytes));
      op.erase();
    }
  }
};

} // namespace
