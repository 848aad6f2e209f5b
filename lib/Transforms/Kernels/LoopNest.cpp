//===- LoopNest.cpp - A linalg operation as loops and strides --------------===//
//
// Strides first, order second, merging last: merging neighbours is possible
// only once the loops have their final order.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Kernels/LoopNest.h"

using namespace mlir;
using namespace bitpipe;

bool Access::isBuffer() const { return isa<MemRefType>(operand.getType()); }

Type Access::element() const { return getElementTypeOrSelf(operand.getType()); }

/// Adds `factor` * `expr` to an access; fails where `expr` is not linear.
static bool addLinear(AffineExpr expr, int64_t factor, Access &access) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
    access.strides[dim.getPosition()] += factor;
    return true;
  }
  if (auto constant = dyn_cast<AffineConstantExpr>(expr)) {
    access.offset += factor * constant.getValue();
    return true;
  }
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return false;
  if (expr.getKind() == AffineExprKind::Add)
    return addLinear(binary.getLHS(), factor, access) &&
           addLinear(binary.getRHS(), factor, access);
  auto times = dyn_cast<AffineConstantExpr>(binary.getRHS());
  return expr.getKind() == AffineExprKind::Mul && times &&
         addLinear(binary.getLHS(), factor * times.getValue(), access);
}

static FailureOr<Access> buildAccess(linalg::LinalgOp op, OpOperand &operand) {
  Access access{operand.get(), op.isDpsInit(&operand), 0,
                SmallVector<int64_t>(op.getNumLoops(), 0)};
  auto type = dyn_cast<MemRefType>(operand.get().getType());
  if (!type && operand.get().getType().isIntOrIndexOrFloat())
    return access;
  SmallVector<int64_t> strides;
  int64_t offset = 0;
  if (!type || !type.hasStaticShape() ||
      failed(type.getStridesAndOffset(strides, offset)) ||
      ShapedType::isDynamicShape(strides) || ShapedType::isDynamic(offset))
    return emitError(op->getLoc())
           << op->getName() << " operand " << operand.getOperandNumber() << " is "
           << operand.get().getType()
           << ", expected a memref of static shape and strides";
  AffineMap map = op.getMatchingIndexingMap(&operand);
  for (auto [expr, stride] : llvm::zip_equal(map.getResults(), strides))
    if (!addLinear(expr, stride, access))
      return emitError(op->getLoc())
             << op->getName() << " operand " << operand.getOperandNumber()
             << " is indexed by " << AffineMapAttr::get(map) << ", expected a linear map";
  return access;
}

/// How far a step of loop `d` moves: in the first output that moves, else at
/// most in any input.
static int64_t reach(const LoopNest &nest, unsigned d) {
  int64_t farthest = 0;
  for (const Access &access : nest.accesses) {
    if (access.output && access.strides[d] != 0)
      return std::abs(access.strides[d]);
    farthest = std::max(farthest, std::abs(access.strides[d]));
  }
  return farthest;
}

/// How many operands loop `d` as the innermost one walks element by element
/// (the lower the better), and how many it walks contiguously, negated.
static std::pair<int, int> innermostCost(const LoopNest &nest, unsigned d) {
  int scattered = 0, contiguous = 0;
  for (const Access &access : nest.accesses) {
    scattered += access.strides[d] != 0 && access.strides[d] != 1;
    contiguous += access.strides[d] == 1;
  }
  return {scattered, -contiguous};
}

/// Moves `chosen` so that `behind` loops of `order` come after it.
static void moveInside(SmallVector<unsigned> &order, unsigned *chosen, unsigned behind) {
  std::rotate(chosen, chosen + 1, order.end() - behind);
}

/// The order of loops: long strides outside, the best loop inside. What that
/// one walks with long strides, as in a transposition, another loop walks
/// contiguously; it comes next, so that several of its steps can be taken at once.
static SmallVector<unsigned> chooseOrder(const LoopNest &nest) {
  SmallVector<unsigned> order;
  for (auto [d, size] : llvm::enumerate(nest.sizes))
    if (size != 1)
      order.push_back(d);
  llvm::sort(order, [&](unsigned a, unsigned b) {
    return std::pair(-reach(nest, a), a) < std::pair(-reach(nest, b), b);
  });
  unsigned *best = order.begin();
  for (unsigned &d : order)
    if (innermostCost(nest, d) <= innermostCost(nest, *best))
      best = &d;
  if (best == order.end())
    return order;
  moveInside(order, best, 0);
  for (const Access &access : nest.accesses) {
    auto contiguous = llvm::find_if(order, [&](unsigned d) { return access.strides[d] == 1; });
    if (std::abs(access.strides[order.back()]) > 1 && contiguous != order.end()) {
      moveInside(order, contiguous, 1);
      break;
    }
  }
  return order;
}

/// Whether every operand walks loops `outer` and `inner` as it would one.
static bool canMerge(const LoopNest &nest, unsigned outer, unsigned inner) {
  return llvm::all_of(nest.accesses, [&](const Access &access) {
    return access.strides[outer] == access.strides[inner] * nest.sizes[inner];
  });
}

/// Appends loop `d` of `from`, merged into the last loop of `to` if it may be.
static void appendLoop(LoopNest &to, const LoopNest &from, unsigned d, bool merge) {
  if (merge) {
    to.sizes.back() *= from.sizes[d];
    to.dims.back() = d;
  } else {
    to.sizes.push_back(from.sizes[d]);
    to.dims.push_back(d);
  }
  for (auto [target, source] : llvm::zip_equal(to.accesses, from.accesses)) {
    if (merge)
      target.strides.back() = source.strides[d];
    else
      target.strides.push_back(source.strides[d]);
  }
}

FailureOr<LoopNest> bitpipe::buildLoopNest(linalg::LinalgOp op) {
  LoopNest all;
  for (OpOperand &operand : op->getOpOperands()) {
    FailureOr<Access> access = buildAccess(op, operand);
    if (failed(access))
      return failure();
    all.accesses.push_back(*access);
  }
  all.sizes = op.getStaticLoopRanges();
  bool usesIndex = !op.getBlock()->getOps<linalg::IndexOp>().empty();

  LoopNest nest;
  nest.accesses = all.accesses;
  for (Access &access : nest.accesses)
    access.strides.clear();
  std::optional<unsigned> previous;
  for (unsigned d : chooseOrder(all)) {
    bool merge = previous && !usesIndex && canMerge(all, *previous, d);
    appendLoop(nest, all, d, merge);
    previous = d;
  }
  if (nest.sizes.empty()) { // A single point.
    nest.sizes.push_back(1);
    nest.dims.push_back(0);
    for (Access &access : nest.accesses)
      access.strides.push_back(0);
  }
  return nest;
}

/// Whether an access comes to an element by one step of its loops only: each stride must
/// step over all that the smaller ones reach.
static bool isInjective(const LoopNest &nest, const Access &access) {
  SmallVector<std::pair<int64_t, int64_t>> loops; // stride, size
  for (auto [stride, size] : llvm::zip_equal(access.strides, nest.sizes))
    if (stride != 0 && size > 1)
      loops.push_back({std::abs(stride), size});
  llvm::sort(loops);
  int64_t reach = 1;
  for (auto [stride, size] : loops) {
    if (stride < reach)
      return false;
    reach += (size - 1) * stride;
  }
  return true;
}

bool bitpipe::hasOwnResults(const LoopNest &nest, unsigned level) {
  for (const Access &output : nest.accesses) {
    if (!output.output)
      continue;
    if (output.strides[level] == 0 || !isInjective(nest, output))
      return false;
    for (const Access &other : nest.accesses)
      if (other.operand == output.operand &&
          (other.strides != output.strides || other.offset != output.offset))
        return false;
  }
  return true;
}
