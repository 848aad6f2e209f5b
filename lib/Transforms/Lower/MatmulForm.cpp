//===- MatmulForm.cpp - Dimensions of a product as the library has them ----===//
//
// Sorts the loops of a contraction into batch, m, n and k, merges what lies
// together, and exchanges the operands if the result is contiguous along the
// rows.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Lower/Contraction.h"

using namespace mlir;
using namespace bitpipe;
using namespace bitpipe::lower;

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

/// Whether no element of a dimension lies between those of another, as libraries
/// expect it. Those that repeat are free.
static bool nests(ArrayRef<int64_t> sizes, ArrayRef<int64_t> strides) {
  SmallVector<std::pair<int64_t, int64_t>> dims; // stride, size
  for (auto [size, stride] : llvm::zip(sizes, strides))
    if (size > 1 && stride != 0)
      dims.push_back({stride, size});
  llvm::sort(dims);
  int64_t reach = 1;
  for (auto [stride, size] : dims) {
    if (stride < reach)
      return false;
    reach = stride * size;
  }
  return true;
}

/// Whether all operands can be described to a library: the first one that cannot.
static Misfit findInterleaved(const MatmulForm &form, Misfit a, Misfit b) {
  SmallVector<int64_t> batch(ArrayRef(form.sizes).drop_back(3));
  ArrayRef<int64_t> product = ArrayRef(form.sizes).take_back(3);
  int64_t m = product[0], n = product[1], k = product[2];
  auto fits = [&](int64_t rows, int64_t columns, ArrayRef<int64_t> strides) {
    SmallVector<int64_t> sizes(batch);
    sizes.append({rows, columns});
    return nests(sizes, strides);
  };
  if (!fits(m, n, form.c))
    return Misfit::C;
  if (!fits(m, k, form.a))
    return a;
  return fits(k, n, form.b) ? Misfit::None : b;
}

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
  return findInterleaved(form, first, second);
}
