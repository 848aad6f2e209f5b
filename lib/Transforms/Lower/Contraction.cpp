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

/// Multiplies `alpha` and counts `uses` through a tree of mulf whose leaves
/// are the two inputs and constants.
static bool matchProduct(Value value, Block *body, double &alpha,
                         unsigned (&uses)[2]) {
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
  auto sum = body->getTerminator()->getOperand(0).getDefiningOp<arith::AddFOp>();
  if (!sum)
    return std::nullopt;
  Value accumulator = body->getArgument(2), product = sum.getRhs();
  if (product == accumulator)
    product = sum.getLhs();
  else if (sum.getLhs() != accumulator)
    return std::nullopt;
  double alpha = 1.0;
  unsigned uses[2] = {0, 0};
  if (!matchProduct(product, body, alpha, uses) || uses[0] != 1 || uses[1] != 1)
    return std::nullopt;
  return alpha;
}

std::optional<double> lower::matchContraction(linalg::GenericOp op) {
  if (op.getNumDpsInputs() != 2 || op.getNumDpsInits() != 1)
    return std::nullopt;
  for (Value operand : op->getOperands()) {
    auto type = dyn_cast<RankedTensorType>(operand.getType());
    if (!type || !type.getElementType().isF32())
      return std::nullopt;
  }
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

SmallVector<int64_t> lower::packedStrides(linalg::GenericOp op,
                                            unsigned operand) {
  auto maps = op.getIndexingMapsArray();
  auto sizes = op.getStaticLoopRanges();
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
  llvm::stable_sort(order,
                    [&](unsigned x, unsigned y) { return rank(x) < rank(y); });
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

//===----------------------------------------------------------------------===//
// Form
//===----------------------------------------------------------------------===//

namespace {

/// One dimension of the product with its stride in every operand.
struct Dim {
  int64_t size, a, b, c, bias;
};

using Dims = SmallVector<Dim>;

bool fitsInside(const Dim &outer, const Dim &inner) {
  return outer.a == inner.a * inner.size && outer.b == inner.b * inner.size &&
         outer.c == inner.c * inner.size &&
         outer.bias == inner.bias * inner.size;
}

/// Sorts by strides, outermost first, and joins neighbours that fit together.
Dims merged(Dims dims) {
  llvm::stable_sort(dims, [](const Dim &x, const Dim &y) {
    return std::tie(x.c, x.a, x.b) > std::tie(y.c, y.a, y.b);
  });
  Dims result;
  for (const Dim &dim : dims) {
    if (result.empty() || !fitsInside(result.back(), dim)) {
      result.push_back(dim);
      continue;
    }
    int64_t size = result.back().size * dim.size;
    result.back() = dim;
    result.back().size = size;
  }
  return result;
}

struct Product {
  Dims batch, m, n, k;
};

Product sortDims(const LoopStrides &loops) {
  Product product;
  for (auto [i, size] : llvm::enumerate(loops.sizes)) {
    if (size == 1)
      continue;
    Dim dim{size, loops.a[i], loops.b[i], loops.c[i],
            loops.bias.empty() ? 0 : loops.bias[i]};
    bool a = dim.a, b = dim.b, c = dim.c;
    (a && b && c ? product.batch : !c ? product.k : a ? product.m : product.n)
        .push_back(dim);
  }
  for (Dims *dims : {&product.batch, &product.m, &product.n, &product.k})
    *dims = merged(std::move(*dims));
  return product;
}

void swapOperands(Product &product) {
  std::swap(product.m, product.n);
  for (Dims *dims : {&product.batch, &product.m, &product.n, &product.k})
    for (Dim &dim : *dims)
      std::swap(dim.a, dim.b);
}

bool hasUnit(const Dims &dims, int64_t Dim::*operand) {
  return dims.empty() ||
         llvm::any_of(dims, [&](const Dim &dim) { return dim.*operand == 1; });
}

/// Takes the dimension with the smallest stride in `operand` out of `dims`;
/// the others become batch dimensions. A missing one has size 1.
Dim takeInner(Dims &dims, int64_t Dim::*operand, Dims &batch) {
  if (dims.empty())
    return {1, 0, 0, 0, 0};
  auto inner = std::min_element(
      dims.begin(), dims.end(),
      [&](const Dim &x, const Dim &y) { return x.*operand < y.*operand; });
  Dim taken = *inner;
  dims.erase(inner);
  llvm::append_range(batch, dims);
  return taken;
}

void fill(MatmulForm &form, ArrayRef<Dim> batch, Dim m, Dim n, Dim k) {
  // A dimension of size 1 may have any stride; dense ones suit libraries best.
  if (m.size == 1) {
    m.a = k.a == 1 ? k.size : 1;
    m.c = n.size;
  }
  if (n.size == 1) {
    n.b = k.b == 1 ? k.size : 1;
    n.c = 1;
  }
  if (k.size == 1) {
    k.a = m.a == 1 ? m.size : 1;
    k.b = n.b == 1 ? n.size : 1;
  }
  for (const Dim &dim : batch) {
    form.sizes.push_back(dim.size);
    form.a.push_back(dim.a);
    form.b.push_back(dim.b);
    form.c.push_back(dim.c);
  }
  form.sizes.append({m.size, n.size, k.size});
  form.a.append({m.a, k.a});
  form.b.append({k.b, n.b});
  form.c.append({m.c, n.c});
}

} // namespace

Misfit lower::formMatmul(const LoopStrides &loops, MatmulForm &form) {
  Product product = sortDims(loops);
  form = {};
  if (!hasUnit(product.n, &Dim::c)) {
    if (product.m.empty() || !hasUnit(product.m, &Dim::c))
      return Misfit::C;
    swapOperands(product);
    form.swapped = true;
  }
  Misfit first = form.swapped ? Misfit::B : Misfit::A;
  Misfit second = form.swapped ? Misfit::A : Misfit::B;
  if (product.k.size() > 1)
    return Misfit::Sum;
  Dims &batch = product.batch;
  Dim n = takeInner(product.n, &Dim::c, batch);
  Dim m = takeInner(product.m, &Dim::a, batch);
  Dim k = product.k.empty() ? Dim{1, 0, 0, 0, 0} : product.k[0];
  if (m.size > 1 && k.size > 1 && m.a != 1 && k.a != 1)
    return first;
  if (n.size > 1 && k.size > 1 && n.b != 1 && k.b != 1)
    return second;
  bool biasFits = (n.size == 1 || n.bias == 1) && m.bias == 0 &&
                  llvm::all_of(batch, [](const Dim &d) { return d.bias == 0; });
  if (!loops.bias.empty() && !biasFits)
    return Misfit::Bias;
  fill(form, batch, m, n, k);
  return Misfit::None;
}
