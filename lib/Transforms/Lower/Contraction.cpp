//===- Contraction.cpp - linalg.generic as a matrix product ----------------===//

#include "lib/Transforms/Lower/Contraction.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace bitpipe;
using namespace bitpipe::lower;

//===----------------------------------------------------------------------===//
// Recognition
//===----------------------------------------------------------------------===//

/// What is extended from bf16 or rounded to it: these conversions are those of the
/// operands, and the library makes them.
static Value withoutConversion(Value value) {
  if (auto extended = value.getDefiningOp<arith::ExtFOp>())
    return extended.getIn().getType().isBF16() ? extended.getIn() : value;
  if (auto rounded = value.getDefiningOp<arith::TruncFOp>())
    return rounded.getType().isBF16() ? rounded.getIn() : value;
  return value;
}

/// Multiplies `alpha` and counts `uses` through a tree of mulf whose leaves
/// are the two inputs and constants.
static bool matchProduct(Value value, Block *body, double &alpha,
                         unsigned (&uses)[2]) {
  value = withoutConversion(value);
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    if (argument.getOwner() != body || argument.getArgNumber() > 1)
      return false;
    ++uses[argument.getArgNumber()];
    return true;
  }
  APFloat constant(0.0);
  if (matchPattern(value, m_ConstantFloat(&constant))) {
    alpha *= constant.convertToDouble();
    return true;
  }
  auto product = value.getDefiningOp<arith::MulFOp>();
  return product && matchProduct(product.getLhs(), body, alpha, uses) &&
         matchProduct(product.getRhs(), body, alpha, uses);
}

static std::optional<double> matchBody(linalg::GenericOp op) {
  Block *body = op.getBody();
  auto sum = withoutConversion(body->getTerminator()->getOperand(0))
                 .getDefiningOp<arith::AddFOp>();
  if (!sum)
    return std::nullopt;
  Value accumulator = body->getArgument(2), product = sum.getRhs();
  if (withoutConversion(product) == accumulator)
    product = sum.getLhs();
  else if (withoutConversion(sum.getLhs()) != accumulator)
    return std::nullopt;
  double alpha = 1.0;
  unsigned uses[2] = {0, 0};
  if (!matchProduct(product, body, alpha, uses) || uses[0] != 1 || uses[1] != 1)
    return std::nullopt;
  return alpha;
}

/// Whether a, b and c have types that products are made of.
static bool hasProductTypes(linalg::GenericOp op) {
  SmallVector<Type> elements;
  for (Value operand : op->getOperands()) {
    auto type = dyn_cast<RankedTensorType>(operand.getType());
    if (!type)
      return false;
    elements.push_back(type.getElementType());
  }
  Type a = elements[0], b = elements[1], c = elements[2];
  return a == b && (a.isF32() ? c.isF32() : a.isBF16() && (c.isF32() || c.isBF16()));
}

std::optional<double> lower::matchContraction(linalg::GenericOp op) {
  if (op.getNumDpsInputs() != 2 || op.getNumDpsInits() != 1 || !hasProductTypes(op))
    return std::nullopt;
  auto maps = op.getIndexingMapsArray();
  if (!llvm::all_of(maps, [](AffineMap m) { return m.isProjectedPermutation(); }))
    return std::nullopt;
  bool own = false, summed = false;
  for (unsigned dim = 0; dim < op.getNumLoops(); ++dim) {
    bool a = maps[0].isFunctionOfDim(dim), b = maps[1].isFunctionOfDim(dim),
         c = maps[2].isFunctionOfDim(dim);
    if (int(a) + int(b) + int(c) < 2)
      return std::nullopt;
    own |= c && a != b;
    summed |= !c;
  }
  if (!own || !summed)
    return std::nullopt;
  return matchBody(op);
}

Value lower::broadcastSource(Operation *op) {
  auto generic = dyn_cast_or_null<linalg::GenericOp>(op);
  if (!generic || generic.getNumDpsInputs() != 1 ||
      generic.getNumDpsInits() != 1 || generic.getNumReductionLoops() != 0)
    return nullptr;
  auto maps = generic.getIndexingMapsArray();
  if (!maps[0].isProjectedPermutation() || !maps[1].isPermutation())
    return nullptr;
  Value yielded = generic.getBody()->getTerminator()->getOperand(0);
  if (auto rounded = yielded.getDefiningOp<arith::TruncFOp>();
      rounded && rounded.getType().isBF16())
    yielded = rounded.getIn();
  if (yielded != generic.getBody()->getArgument(0))
    return nullptr;
  return generic.getDpsInputs()[0];
}

//===----------------------------------------------------------------------===//
// Strides per loop
//===----------------------------------------------------------------------===//

static SmallVector<int64_t> perLoop(AffineMap map, ArrayRef<int64_t> values,
                                    int64_t absent) {
  SmallVector<int64_t> result(map.getNumDims(), absent);
  for (auto [position, value] : llvm::enumerate(values))
    result[map.getDimPosition(position)] = value;
  return result;
}

SmallVector<int64_t> lower::packedStrides(linalg::GenericOp op, unsigned operand,
                                            const Place &c) {
  auto maps = op.getIndexingMapsArray();
  auto sizes = op.getStaticLoopRanges();
  auto cStrides = perLoop(maps[2], c.strides, 0);
  // Batch dimensions lie outermost, k inside m but outside n.
  auto rank = [&](unsigned loop) {
    bool a = maps[0].isFunctionOfDim(loop), b = maps[1].isFunctionOfDim(loop),
         c = maps[2].isFunctionOfDim(loop);
    return a && b && c ? 0 : !b ? 1 : !c ? 2 : 3;
  };
  SmallVector<unsigned> order;
  for (unsigned loop = 0; loop < op.getNumLoops(); ++loop)
    if (maps[operand].isFunctionOfDim(loop))
      order.push_back(loop);
  // Loops of one kind lie as in c, of which several may lie across each other:
  // the one that is contiguous there has to be so here.
  auto isOuter = [&](unsigned x, unsigned y) {
    if (rank(x) != rank(y) || operand == 2)
      return rank(x) < rank(y);
    return cStrides[x] > cStrides[y];
  };
  llvm::stable_sort(order, isOuter);
  SmallVector<int64_t> byLoop(op.getNumLoops(), 0);
  int64_t stride = 1;
  for (unsigned loop : llvm::reverse(order)) {
    byLoop[loop] = stride;
    stride *= sizes[loop];
  }
  SmallVector<int64_t> result;
  for (unsigned i = 0; i < maps[operand].getNumResults(); ++i)
    result.push_back(byLoop[maps[operand].getDimPosition(i)]);
  return result;
}

LoopStrides lower::loopStrides(linalg::GenericOp op, const Place &a,
                                 const Place &b, const Place &c) {
  auto maps = op.getIndexingMapsArray();
  return {op.getStaticLoopRanges(), perLoop(maps[0], a.strides, 0),
          perLoop(maps[1], b.strides, 0), perLoop(maps[2], c.strides, 0), {}};
}

void lower::addBias(LoopStrides &strides, linalg::GenericOp contraction,
                      linalg::GenericOp broadcast, const Place &source) {
  auto maps = broadcast.getIndexingMapsArray();
  auto perOwnLoop = perLoop(maps[0], source.strides, 0);
  SmallVector<int64_t> perResultDim;
  for (unsigned i = 0; i < maps[1].getNumResults(); ++i)
    perResultDim.push_back(perOwnLoop[maps[1].getDimPosition(i)]);
  strides.bias =
      perLoop(contraction.getIndexingMapsArray()[2], perResultDim, 0);
}
