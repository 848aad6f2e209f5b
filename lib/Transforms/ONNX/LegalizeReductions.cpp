//===- LegalizeReductions.cpp - Sums, means, extrema along axes ------------===//

#include "lib/Transforms/ONNX/Build.h"
#include "lib/Transforms/ONNX/Legalize.h"
#include "lib/Transforms/ONNX/Passes.h"
#include "lib/Transforms/ONNX/Reductions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <limits>

namespace bitpipe {
#define GEN_PASS_DEF_LEGALIZEREDUCTIONS
#include "lib/Transforms/ONNX/Passes.h.inc"
} // namespace bitpipe

using namespace mlir;
using namespace bitpipe;

namespace {

double neutral(StringRef kind) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (kind == "ReduceMax")
    return -infinity;
  if (kind == "ReduceMin")
    return infinity;
  return kind == "ReduceProd" ? 1 : 0;
}

/// The element that changes no result, of integers.
int64_t neutralInteger(StringRef kind, unsigned width) {
  if (kind == "ReduceMax")
    return APInt::getSignedMinValue(width).getSExtValue();
  if (kind == "ReduceMin")
    return APInt::getSignedMaxValue(width).getSExtValue();
  return kind == "ReduceProd";
}

Value neutral(OpBuilder &b, Location loc, StringRef kind,
              RankedTensorType type) {
  Type element = type.getElementType();
  if (isa<FloatType>(element))
    return filledTensor(b, loc, type, neutral(kind));
  int64_t number = neutralInteger(kind, element.getIntOrFloatBitWidth());
  Value start = arith::ConstantOp::create(b, loc,
                                          b.getIntegerAttr(element, number));
  return linalg::FillOp::create(b, loc, start, emptyTensor(b, loc, type))
      .getResult(0);
}

Value combineIntegers(OpBuilder &b, Location loc, StringRef kind, Value a,
                      Value c) {
  if (kind == "ReduceMax")
    return arith::MaxSIOp::create(b, loc, a, c);
  if (kind == "ReduceMin")
    return arith::MinSIOp::create(b, loc, a, c);
  return arith::AddIOp::create(b, loc, a, c);
}

Value combine(OpBuilder &b, Location loc, StringRef kind, Value a, Value c) {
  if (!isa<FloatType>(a.getType()))
    return combineIntegers(b, loc, kind, a, c);
  if (kind == "ReduceMax")
    return arith::MaximumFOp::create(b, loc, a, c);
  if (kind == "ReduceMin")
    return arith::MinimumFOp::create(b, loc, a, c);
  if (kind == "ReduceProd")
    return arith::MulFOp::create(b, loc, a, c);
  return arith::AddFOp::create(b, loc, a, c);
}

Lowered lowerReduction(OpBuilder &b, const Node &node) {
  Location loc = node.loc();
  auto reduced = reducedDims(node);
  RankedTensorType from = node.inputType(0);
  Type element = from.getElementType();
  // The mean of integers is cut off, which is no sum with a factor.
  bool isKnown = isa<FloatType>(element) ||
                 (node.kind() != "ReduceMean" && !element.isInteger(1));
  if (!reduced || !isKnown)
    return node.error() << "is of " << from
                        << ", expected numbers (floats for a mean) and "
                           "constant axes";
  SmallVector<utils::IteratorType> iterators;
  SmallVector<AffineExpr> kept;
  SmallVector<int64_t> shape;
  for (auto [i, gone] : llvm::enumerate(*reduced)) {
    iterators.push_back(gone ? utils::IteratorType::reduction
                             : utils::IteratorType::parallel);
    if (gone)
      continue;
    kept.push_back(b.getAffineDimExpr(i));
    shape.push_back(from.getDimSize(i));
  }
  RankedTensorType type = from.clone(shape);
  unsigned rank = from.getRank();
  SmallVector<AffineMap> maps{b.getMultiDimIdentityMap(rank),
                              AffineMap::get(rank, 0, kept, b.getContext())};
  Value start = neutral(b, loc, node.kind(), type);
  Value sum =
      linalg::GenericOp::create(
          b, loc, type, node.input(0), start, maps, iterators,
          [&](OpBuilder &inner, Location loc, ValueRange args) {
            linalg::YieldOp::create(
                inner, loc, combine(inner, loc, node.kind(), args[1], args[0]));
          })
          .getResult(0);
  if (node.kind() == "ReduceMean") {
    double factor = double(type.getNumElements()) / from.getNumElements();
    sum = elementwise(b, loc, type, sum,
                      [&](OpBuilder &inner, Location loc, ValueRange args) {
                        return arith::MulFOp::create(
                                   inner, loc, args[0],
                                   scalar(inner, loc, element, factor))
                            .getResult();
                      });
  }
  return lowered(reshape(b, loc, sum, node.resultType().getShape()));
}

struct LegalizeReductions
    : bitpipe::impl::LegalizeReductionsBase<LegalizeReductions> {
  void runOnOperation() override {
    if (failed(legalizeNodes(getOperation(), {{"ReduceSum", lowerReduction},
                                              {"ReduceMean", lowerReduction},
                                              {"ReduceMax", lowerReduction},
                                              {"ReduceMin", lowerReduction},
                                              {"ReduceProd", lowerReduction}})))
      signalPassFailure();
  }
};

} // namespace
