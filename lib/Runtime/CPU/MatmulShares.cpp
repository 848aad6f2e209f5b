//===- MatmulShares.cpp - A matrix product for several threads -------------===//

#include "lib/Runtime/CPU/MatmulShares.h"

#include <algorithm>

using namespace bitpipe;

namespace {

/// A product of fewer multiplications is done before a second thread is of use.
constexpr double leastWork = 1 << 17;

/// A dimension along which a product can be cut.
struct Dimension {
  enum Kind { Loop, Batch, Rows, Columns } kind;
  size_t number; // of the loop or batch dimension
  int64_t size;
  /// Cuts are at multiples of it: of what the library computes at once.
  int64_t unit;
};

/// Where part `i` of `parts` begins.
int64_t beginOf(const Dimension &cut, int64_t parts, int64_t i) {
  int64_t units = (cut.size + cut.unit - 1) / cut.unit;
  return std::min(units * i / parts * cut.unit, cut.size);
}

/// By how much so many threads are faster than one, if they are bound by the largest
/// part alone.
double gainOf(const Dimension &cut, int64_t parts) {
  int64_t largest = 0;
  for (int64_t i = 0; i < parts; ++i)
    largest = std::max(largest, beginOf(cut, parts, i + 1) - beginOf(cut, parts, i));
  return double(cut.size) / double(largest);
}

/// What can be cut, first where the parts have nothing in common, then where that is
/// the smaller operand.
std::vector<Dimension> dimensionsOf(const MatmulShape &shape) {
  std::vector<Dimension> all;
  for (size_t i = 0; i < shape.loops.size(); ++i)
    all.push_back({Dimension::Loop, i, shape.loops[i].size, 1});
  size_t batch = shape.sizes.size() - 3;
  for (size_t i = 0; i < batch; ++i)
    all.push_back({Dimension::Batch, i, shape.sizes[i], 1});
  Dimension rows{Dimension::Rows, batch, shape.sizes[batch], 8};
  Dimension columns{Dimension::Columns, batch + 1, shape.sizes[batch + 1], 16};
  if (rows.size < columns.size)
    std::swap(rows, columns);
  all.insert(all.end(), {rows, columns});
  return all;
}

/// The first dimension in that order that gains as much as any, or nearly.
Dimension chooseDimension(const MatmulShape &shape, int64_t parts) {
  constexpr double nearly = 1.1;
  std::vector<Dimension> all = dimensionsOf(shape);
  Dimension best = all.front();
  for (const Dimension &other : all)
    if (gainOf(other, parts) > gainOf(best, parts) * nearly)
      best = other;
  return best;
}

double workOf(const MatmulShape &shape) {
  double work = 1;
  for (const MatmulShape::Loop &loop : shape.loops)
    work *= double(loop.size);
  for (int64_t size : shape.sizes)
    work *= double(size);
  return work;
}

void dropBatch(MatmulShape &shape, size_t i) {
  for (auto *list : {&shape.sizes, &shape.a, &shape.b, &shape.c})
    list->erase(list->begin() + std::ptrdiff_t(i));
}

MatmulShare cut(const MatmulShape &shape, const Dimension &cut, int64_t begin,
                int64_t end) {
  MatmulShare share{shape};
  size_t n = cut.number;
  switch (cut.kind) {
  case Dimension::Loop: {
    MatmulShape::Loop &loop = share.shape.loops[n];
    share.a = begin * loop.a, share.b = begin * loop.b, share.c = begin * loop.c;
    loop.size = end - begin;
    return share;
  }
  case Dimension::Batch:
    share.a = begin * shape.a[n], share.b = begin * shape.b[n];
    share.c = begin * shape.c[n];
    break;
  case Dimension::Rows:
    share.a = begin * shape.a[n], share.c = begin * shape.c[n];
    share.bias = shape.bias == MatmulShape::Rows ? begin : 0;
    break;
  case Dimension::Columns:
    share.b = begin * shape.b[n], share.c = begin * shape.c[n];
    share.bias = shape.bias == MatmulShape::Columns ? begin : 0;
    break;
  }
  share.shape.sizes[n] = end - begin;
  if (cut.kind == Dimension::Batch && end - begin == 1)
    dropBatch(share.shape, n);
  return share;
}

} // namespace

std::vector<MatmulShare> bitpipe::sharesOf(const MatmulShape &shape, int64_t most) {
  auto parts = int64_t(std::min(double(most), workOf(shape) / leastWork));
  if (parts < 2)
    return {{shape}};
  Dimension dimension = chooseDimension(shape, parts);
  std::vector<MatmulShare> shares;
  for (int64_t i = 0; i < parts; ++i) {
    int64_t begin = beginOf(dimension, parts, i), end = beginOf(dimension, parts, i + 1);
    if (begin < end)
      shares.push_back(cut(shape, dimension, begin, end));
  }
  return shares;
}
