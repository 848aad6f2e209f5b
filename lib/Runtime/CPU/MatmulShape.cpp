//===- MatmulShape.cpp - A matrix product in the form that suits oneDNN ---===//

#include "lib/Runtime/CPU/MatmulShape.h"

#include "lib/Runtime/CPU/MatmulStart.h"

#include <utility>

using namespace bitpipe;

namespace {

/// A product while its dimensions are being merged.
class ShapeBuilder {
public:
  explicit ShapeBuilder(const MatmulCall &call) {
    size_t batch = call.sizes.size() - 3;
    for (size_t i = 0; i < batch; ++i)
      if (call.sizes[i] > 1)
        batches.push_back({call.sizes[i], call.aStrides[i], call.bStrides[i],
                           call.cStrides[i]});
    m = call.sizes[batch], n = call.sizes[batch + 1], k = call.sizes[batch + 2];
    am = call.aStrides[batch], ak = call.aStrides[batch + 1];
    bk = call.bStrides[batch], bn = call.bStrides[batch + 1];
    cm = call.cStrides[batch], cn = call.cStrides[batch + 1];
    shape.alpha = call.alpha;
    shape.accumulate = call.accumulate;
    shape.residual = call.residual.has_value();
    shape.bias = call.bias ? MatmulShape::Columns : MatmulShape::None;
    shape.swapped = false;
    shape.summed = !call.biasGradient ? MatmulShape::Neither
                   : call.gradientOfA ? MatmulShape::A
                                      : MatmulShape::B;
    shape.operands = call.operands;
    shape.result = call.result;
  }

  MatmulShape build() {
    foldIntoRows();
    mergeBatches();
    if (cn != 1 && cm == 1)
      swap();
    for (const Batch &batch : batches) {
      if (batch.a == 0 || batch.b == 0) {
        shape.loops.push_back(batch);
        continue;
      }
      shape.sizes.push_back(batch.size);
      shape.a.push_back(batch.a);
      shape.b.push_back(batch.b);
      shape.c.push_back(batch.c);
    }
    shape.sizes.insert(shape.sizes.end(), {m, n, k});
    shape.a.insert(shape.a.end(), {am, ak});
    shape.b.insert(shape.b.end(), {bk, bn});
    shape.c.insert(shape.c.end(), {cm, cn});
    return std::move(shape);
  }

private:
  using Batch = MatmulShape::Loop;

  /// A batch over one and the same b is one product with more rows, if the
  /// rows of a and c go on evenly.
  void foldIntoRows() {
    while (!batches.empty()) {
      const Batch &last = batches.back();
      if (last.b != 0 || last.a != m * am || last.c != m * cm)
        return;
      m *= last.size;
      batches.pop_back();
    }
  }

  void mergeBatches() {
    for (size_t i = batches.size(); i-- > 1;) {
      const Batch inner = batches[i];
      Batch &outer = batches[i - 1];
      if (outer.a != inner.a * inner.size || outer.b != inner.b * inner.size ||
          outer.c != inner.c * inner.size)
        continue;
      outer = {outer.size * inner.size, inner.a, inner.b, inner.c};
      batches.erase(batches.begin() + i);
    }
  }

  /// The library wants contiguous rows of c: c^T = b^T a^T has them.
  void swap() {
    std::swap(m, n);
    std::swap(am, bn);
    std::swap(ak, bk);
    std::swap(cm, cn);
    for (Batch &batch : batches)
      std::swap(batch.a, batch.b);
    if (shape.bias == MatmulShape::Columns)
      shape.bias = MatmulShape::Rows;
    if (shape.summed != MatmulShape::Neither)
      shape.summed = shape.summed == MatmulShape::A ? MatmulShape::B : MatmulShape::A;
    shape.swapped = true;
  }

  std::vector<Batch> batches;
  int64_t m, n, k, am, ak, bk, bn, cm, cn;
  MatmulShape shape;
};

} // namespace

MatmulShape bitpipe::shapeOf(const MatmulCall &call) {
  return ShapeBuilder(call).build();
}

MatmulMatrices bitpipe::matricesOf(const MatmulShape &shape) {
  size_t batch = shape.sizes.size() - 3;
  int64_t m = shape.sizes[batch], n = shape.sizes[batch + 1], k = shape.sizes[batch + 2];
  auto matrix = [&](int64_t rows, int64_t columns, const std::vector<int64_t> &strides) {
    return MatrixLayout{rows, columns, strides[batch], strides[batch + 1]};
  };
  return {matrix(m, k, shape.a), matrix(k, n, shape.b), matrix(m, n, shape.c)};
}

MatmulShape bitpipe::widened(const MatmulShape &shape) {
  size_t batch = shape.sizes.size() - 3;
  auto [a, b, c] = matricesOf(shape);
  auto strides = [](const MatrixLayout &matrix) {
    return std::vector<int64_t>{matrix.rowStride, matrix.columnStride};
  };
  MatmulShape wide{};
  wide.sizes.assign(shape.sizes.begin() + batch, shape.sizes.end());
  wide.a = strides(a.dense());
  wide.b = strides(b.dense());
  wide.c = strides(shape.result == StoredFloat::BF16 ? c.dense() : c);
  wide.alpha = shape.alpha;
  wide.accumulate = MatmulStart::accumulates(shape);
  wide.bias = MatmulStart::biasByLibrary(shape) ? MatmulShape::Columns : MatmulShape::None;
  return wide;
}

std::string bitpipe::text(const MatmulShape &shape) {
  std::string out;
  for (int64_t size : shape.sizes)
    out += (out.empty() ? "" : "x") + std::to_string(size);
  if (shape.operands == StoredFloat::BF16)
    out += " bf16";
  return shape.summed == MatmulShape::Neither ? out : out + ", bias gradient";
}
