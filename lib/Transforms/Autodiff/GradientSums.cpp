//===- GradientSums.cpp - Gradients while they are summed up ---------------===//

#include "lib/Transforms/Autodiff/GradientSums.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Utils/ReshapeOpsUtils.h"

using namespace mlir;
using namespace bitpipe;

using SliceGradient = std::pair<tensor::ExtractSliceOp, Value>;

Value bitpipe::emptyTensor(OpBuilder &builder, Location loc, Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return tensor::EmptyOp::create(builder, loc, tensor.getShape(),
                                 tensor.getElementType());
}

Value bitpipe::zeroTensor(OpBuilder &builder, Location loc, Type type) {
  auto tensor = cast<RankedTensorType>(type);
  Value zero = arith::ConstantOp::create(
      builder, loc, builder.getZeroAttr(tensor.getElementType()));
  Value empty = emptyTensor(builder, loc, type);
  return linalg::FillOp::create(builder, loc, zero, empty).getResult(0);
}

//===----------------------------------------------------------------------===//
// Sums of tensors
//===----------------------------------------------------------------------===//

Value bitpipe::addTerms(OpBuilder &builder, Location loc, Value start,
                        ArrayRef<Value> terms) {
  if (!start && terms.size() == 1)
    return terms.front();
  auto type = cast<RankedTensorType>(terms.front().getType());
  AffineMap identity = builder.getMultiDimIdentityMap(type.getRank());
  SmallVector<AffineMap> maps(terms.size() + 1, identity);
  SmallVector<utils::IteratorType> iterators(type.getRank(),
                                             utils::IteratorType::parallel);
  Value into = start ? start : emptyTensor(builder, loc, type);
  auto body = [&](OpBuilder &b, Location loc, ValueRange args) {
    Value sum = start ? args.back() : args.front();
    for (Value term : args.drop_back().drop_front(start ? 0 : 1))
      sum = arith::AddFOp::create(b, loc, sum, term);
    linalg::YieldOp::create(b, loc, sum);
  };
  return linalg::GenericOp::create(builder, loc, type, terms, into, maps,
                                   iterators, body)
      .getResult(0);
}

//===----------------------------------------------------------------------===//
// Gradients of slices
//===----------------------------------------------------------------------===//

/// The dimension in which contiguous slices of one source differ from the
/// whole; none if there is no single one.
static std::optional<int64_t> cutDimension(ArrayRef<SliceGradient> slices) {
  std::optional<int64_t> cut;
  for (auto [slice, gradient] : slices) {
    for (auto [dim, size] : llvm::enumerate(slice.getSourceType().getShape())) {
      if (slice.getStaticSizes()[dim] == size)
        continue;
      if (slice.getStaticStrides()[dim] != 1 || (cut && *cut != int64_t(dim)))
        return std::nullopt;
      cut = dim;
    }
  }
  return cut ? cut : 0;
}

/// The gradient with the unit dimensions that its slice dropped.
static Value withSliceRank(OpBuilder &builder, tensor::ExtractSliceOp slice,
                           Value gradient) {
  auto type = cast<RankedTensorType>(gradient.getType());
  auto full = RankedTensorType::get(slice.getStaticSizes(), type.getElementType());
  if (full.getRank() == type.getRank())
    return gradient;
  auto reassociation = getReassociationIndicesForReshape(type, full);
  return tensor::ExpandShapeOp::create(builder, slice.getLoc(), full, gradient,
                                       *reassociation);
}

/// Pieces along one dimension that do not overlap become one concatenation,
/// with zeros where no piece lies. Null if the slices are of no such kind.
static Value concatSlices(OpBuilder &builder, SmallVector<SliceGradient> slices) {
  std::optional<int64_t> dim = cutDimension(slices);
  if (!dim)
    return nullptr;
  RankedTensorType type = slices.front().first.getSourceType();
  if (type.getRank() == 0)
    return nullptr;
  llvm::sort(slices, [&](SliceGradient a, SliceGradient b) {
    return a.first.getStaticOffsets()[*dim] < b.first.getStaticOffsets()[*dim];
  });
  Location loc = slices.front().first.getLoc();
  SmallVector<Value> pieces;
  int64_t end = 0;
  auto padTo = [&](int64_t offset) {
    if (offset == end)
      return;
    SmallVector<int64_t> shape(type.getShape());
    shape[*dim] = offset - end;
    pieces.push_back(zeroTensor(builder, loc, type.clone(shape)));
  };
  for (auto [slice, gradient] : slices) {
    int64_t offset = slice.getStaticOffsets()[*dim];
    if (offset < end)
      return nullptr;
    padTo(offset);
    pieces.push_back(withSliceRank(builder, slice, gradient));
    end = offset + slice.getStaticSizes()[*dim];
  }
  padTo(type.getDimSize(*dim));
  if (pieces.size() == 1)
    return pieces.front();
  return tensor::ConcatOp::create(builder, loc, type, *dim, pieces);
}

static Value insertSlice(OpBuilder &builder, SliceGradient piece, Value into) {
  auto [slice, gradient] = piece;
  return tensor::InsertSliceOp::create(
      builder, slice.getLoc(), gradient, into, slice.getMixedOffsets(),
      slice.getMixedSizes(), slice.getMixedStrides());
}

//===----------------------------------------------------------------------===//
// GradientSums
//===----------------------------------------------------------------------===//

void GradientSums::add(Value value, Value gradient) {
  sums[value].terms.push_back(gradient);
}

void GradientSums::addSlice(tensor::ExtractSliceOp slice, Value gradient) {
  sums[slice.getSource()].slices.push_back({slice, gradient});
}

void GradientSums::accumulate(Value value, Accumulation contribution) {
  sums[value].accumulations.push_back(std::move(contribution));
}

bool GradientSums::isPending(Value value) const {
  auto found = sums.find(value);
  return found != sums.end() &&
         !(found->second.terms.empty() && found->second.slices.empty() &&
           found->second.accumulations.empty());
}

void GradientSums::start(Value value, Value sum) { sums[value].start = sum; }

Value GradientSums::started(Value value) const {
  return sums.lookup(value).start;
}

Value GradientSums::finish(OpBuilder &builder, Value value) {
  auto found = sums.find(value);
  if (found == sums.end())
    return nullptr;
  Sum sum = std::move(found->second);
  sums.erase(found);
  Location loc = value.getLoc();
  if (Value joined = sum.slices.empty() ? nullptr : concatSlices(builder, sum.slices)) {
    sum.terms.push_back(joined);
  } else {
    for (SliceGradient &piece : sum.slices)
      sum.terms.push_back(insertSlice(
          builder, piece, zeroTensor(builder, loc, value.getType())));
  }
  Value total = sum.start;
  if (!sum.terms.empty())
    total = addTerms(builder, loc, sum.start, sum.terms);
  if (!total && !sum.accumulations.empty())
    total = zeroTensor(builder, loc, value.getType());
  for (Accumulation &accumulate : sum.accumulations)
    total = accumulate(builder, total);
  return total;
}
